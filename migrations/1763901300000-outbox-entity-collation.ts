import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * "POSIX" orders as "C" does, and is another name: so a search for an entity, which names its account by this collation, has
 * this index alone. Of a queue that was all but empty when it was last vacuumed, the planner takes every index that begins with
 * the account for as good, and read all that the account had waiting for each of its messages.
 */
export class OutboxEntityCollation1763901300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop index outbox_message_entity;
      create index outbox_message_entity on outbox_message (ats_id collate "POSIX", entity_key, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop index outbox_message_entity;
      create index outbox_message_entity on outbox_message (ats_id, entity_key, id)`);
  }
}
