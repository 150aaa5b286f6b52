import type { MigrationInterface, QueryRunner } from 'typeorm';

export class BulkRedelivery1763900900000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table bulk_redelivery (
        id           uuid primary key,
        ats_id       text collate "C" not null references account,
        since        timestamptz not null,
        until        timestamptz not null default now(),
        total        integer not null,
        done         integer not null default 0,
        requested_by text not null,
        advanced_at  timestamptz not null default now(),
        finished_at  timestamptz
      );
      comment on table bulk_redelivery is 'Somebody asked to deliver again all that died in a time; a worker queues it in batches';
      comment on column bulk_redelivery.until is 'what dies again meanwhile stays dead';
      comment on column bulk_redelivery.total is 'of messages when it was asked for; some may be redelivered otherwise, or expire';
      create unique index bulk_redelivery_running on bulk_redelivery (ats_id) where finished_at is null;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table bulk_redelivery');
  }
}
