import { call } from '../support/gateway';
import { build, type GatewayProcess } from '../support/gateway-process';
import type { Acknowledged } from '../support/load';
import { tally } from '../support/load';
import { Scene } from '../support/scene';
import { TableLock } from '../support/table-lock';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 5, long: 50 });
const GROUP = 64;

jest.setTimeout(300_000 + ROUNDS * 5000);

let scene: Scene;
let lock: TableLock;
let gateway: GatewayProcess;

beforeAll(async () => {
  await build();
  scene = await Scene.open({ accounts: ['acme', 'globex'] });
  lock = await TableLock.open(scene.databaseUrl);
  gateway = await scene.start('all');
  // A sequence is not rolled back: it counts how often the row was tried.
  await scene.sql('create sequence refused');
  await scene.sql(`
    create function refuse() returns trigger language plpgsql as $$
    begin
      perform nextval('refused');
      raise check_violation using message = 'refused by the test';
    end $$`);
  await scene.sql(`
    create trigger refuse before insert on flow for each row when (new.entity_id like 'refused%') execute function refuse()`);
});

afterAll(async () => {
  await lock.close();
  await scene.close();
});

async function tries(): Promise<number> {
  return (await scene.sql<{ n: number }>('select last_value::int as n from refused'))[0]!.n;
}

test('a row that the database refuses fails alone: the strangers of its group are accepted', async () => {
  const acknowledged: Acknowledged[] = [];
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const write = async (candidateId: string, n: number): Promise<number> => {
      const target = scene.targets[n % scene.targets.length]!;
      const body = { candidate_id: candidateId, first_name: 'A', last_name: 'B', custom_fields: { sequence: 0 } };
      const answer = await call(gateway, target.account, '/v1/candidates', { clientId: target.clientId, body });
      if (answer.status === 202) {
        acknowledged.push({ ...target, candidateId, sequence: 0, referenceId: String(answer.body.reference_id) });
      }
      return answer.status;
    };
    // The first one waits, and meanwhile the others gather.
    await lock.take('flow');
    const first = write(`first-${round}`, 0);
    await lock.stopsSomebody('flow');
    const culprit = Math.floor(GROUP / 3);
    const answers = Array.from({ length: GROUP }, (_, n) =>
      write(n === culprit ? `refused-${round}` : `c-${round}-${n}`, n),
    );
    await lock.release();
    expect(await first).toBe(202);
    const statuses = await Promise.all(answers);
    expect(statuses).toEqual(statuses.map((_, n) => (n === culprit ? 500 : 202)));
    refused++;
  }
  await scene.queuesToBeEmpty();
  const result = tally(acknowledged, scene.receiver.arrivals());
  report(`a row that the database refuses, in a group of up to ${GROUP} accepts`, refused, result);
  expect(result).toMatchObject({ delivered: ROUNDS * GROUP, duplicates: 0, missing: 0, unknown: 0, errors: 0 });
  expect(await scene.count('flow')).toBe(ROUNDS * GROUP);
  // Alone it would be tried once: more says that it stood in a group, which was halved.
  expect(await tries()).toBeGreaterThan(refused);
});
