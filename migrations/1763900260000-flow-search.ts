import type { MigrationInterface, QueryRunner } from 'typeorm';

export class FlowSearch1763900260000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index flow_account on flow (ats_id, reference_id);
      create index flow_entity on flow (ats_id, entity_id, reference_id);
      create index dead_message_state on dead_message (ats_id, state, reference_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index flow_account, flow_entity, dead_message_state');
  }
}
