import PgBoss from 'pg-boss';

/** The twin's queues: one for processing, one for delivery. */
export const PROCESS = 'process';
export const DELIVER = 'deliver';

/** @param max connections */
export async function twinBoss(connectionString: string, max: number): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, max, schedule: false });
  boss.on('error', (error) => process.stderr.write(`${error.message}\n`));
  await boss.start();
  await boss.createQueue(PROCESS);
  await boss.createQueue(DELIVER);
  return boss;
}
