import { printTable } from '../faults/fault-table';
import { dropClones, type WithTestRun } from './global-setup';

export default async function teardown(): Promise<void> {
  printTable();
  const run = (globalThis as WithTestRun).testRun;
  if (!run) return;
  await dropClones(run);
  await run.admin.end();
  await run.server.close();
}
