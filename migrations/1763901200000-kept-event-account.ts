import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whose a kept result is, its message knows; one without a message is what the next upkeep would take away. */
export class KeptEventAccount1763901200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table kept_event add column ats_id text collate "C";
      update kept_event k set ats_id = m.ats_id
        from (select reference_id, ats_id from outbox_message
              union select reference_id, ats_id from dead_message) m
       where m.reference_id = k.reference_id;
      delete from kept_event where ats_id is null;
      alter table kept_event alter column ats_id set not null`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table kept_event drop column ats_id');
  }
}
