import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a queue held when it was last analysed says nothing of what it holds now. After an analysis of 5,000 messages of one
 * entity the planner took every index, and none, for equally good, and a claim read 98,000 rows for each message. Without
 * statistics of their columns it goes by its defaults, under which the right index always wins.
 */
const COLUMNS = {
  inbox_message: ['id', 'ats_id', 'client_id', 'available_at', 'leased_until'],
  outbox_message: ['id', 'ats_id', 'entity_key', 'available_at', 'leased_until'],
};

export class QueueStatistics1763900700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await gather(runner, '0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await gather(runner, '-1');
  }
}

async function gather(runner: QueryRunner, target: string): Promise<void> {
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const changes = columns.map((column) => `alter column ${column} set statistics ${target}`);
    await runner.query(`alter table ${table} ${changes.join(', ')}`);
  }
}
