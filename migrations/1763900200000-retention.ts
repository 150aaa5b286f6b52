import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Retention1763900200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table kept_event (
        reference_id uuid primary key,
        event        text not null,
        body         text not null
      );
      comment on table kept_event is
        'Results whose day was dropped while their message was pending or dead; few, and gone with their message';

      create table retention_floor (
        singleton    boolean primary key default true check (singleton),
        reference_id uuid not null default '00000000-0000-0000-0000-000000000000'
      );
      comment on table retention_floor is 'One row: flows before it are being dropped, or gone, and are not redelivered';
      insert into retention_floor default values`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table kept_event, retention_floor');
  }
}
