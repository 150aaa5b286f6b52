import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OutboxQueuedAt1763900270000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table outbox_message add column queued_at timestamptz not null default now();
      comment on column outbox_message.queued_at is 'its retention counts from here: a redelivery begins anew'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table outbox_message drop column queued_at');
  }
}
