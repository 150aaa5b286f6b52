import { call } from '../support/gateway';
import { build, type GatewayProcess } from '../support/gateway-process';
import { tally, type Acknowledged } from '../support/load';
import { startReceiverProcess, type Manner, type ReceiverProcess } from '../support/receiver-process';
import { Scene } from '../support/scene';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const [ROUNDS, WRITES] = inForm({ short: [3, 60], long: [5, 200] });
const QUIET = Array.from({ length: 99 }, (_, n) => `quiet-${n}`);
const HANGING = ['hanging'];
const SLOW = Array.from({ length: 40 }, (_, n) => `slow-${n}`);
/** As nearly the usual timeout as it gets; a longer one, so that a busy machine makes no failures of them. */
const [SLOW_MS, SLOW_TIMEOUT_MS] = [4900, 15_000];
const BACKLOG = 100_000;
const BACKLOG_OF_SLOW = 1000;
/** So many sendings begun: of the slow ones, whose number in flight quadruples with each wave, the third wave. */
const UNDER_WAY = { hanging: 2, slow: 450 };
/**
 * In calm the medians' ratio is 2 at most, which the benchmark judges. Here other tests run beside, and what they take from a
 * round only ever adds to it: so the calmest round is judged. A queue that let the crowd first would fail every one.
 */
const [RATIO, NOISE_MS] = [3, 1000];

jest.setTimeout(300_000 + ROUNDS * 120_000);

let scene: Scene;
let gateway: GatewayProcess;
/** Of the crowd: a process of its own, so that the quiet ones' does not pay for it. */
let crowded: ReceiverProcess;
let sequence = 0;

beforeAll(async () => {
  await build();
  crowded = await startReceiverProcess();
  scene = await Scene.open({ accounts: [...QUIET, ...HANGING, ...SLOW], workspaces: ['client-1'] });
  for (const atsId of [...HANGING, ...SLOW]) {
    await scene.sql(`update endpoint set url = '${crowded.url(atsId)}' where ats_id = '${atsId}'`);
  }
});

afterAll(async () => {
  await scene.close();
  await crowded.close();
});

function startGateway(timeoutMs: number): Promise<GatewayProcess> {
  return scene.start('all', {
    DELIVERY_TIMEOUT_MS: String(timeoutMs),
    DELIVERY_RETRY_SCHEDULE: '5,30,120,600',
    DATABASE_POOL_SIZE: '16',
  });
}

/** Messages due now, each of an entity of its own. */
async function backlog(of: readonly string[], each: number): Promise<void> {
  await scene.sql(
    `with t as materialized (
       select ats_id, uuidv7() as id from unnest('{${of.join()}}'::text[]) ats_id, generate_series(1, ${each})
     ), stored as (
       insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
       select id, ats_id, 'client-1', 'candidate.created', 'success',
              json_build_object('reference_id', id, 'event_id', id, 'data', json_build_object()), now(), 1 from t)
     insert into outbox_message (ats_id, entity_key, reference_id) select ats_id, id::text, id from t`,
  );
}

/** Takes the backlog away, and waits until nothing of it is under way. */
async function clear(before: number): Promise<void> {
  await scene.sql('truncate outbox_message');
  await until('what the crowd was sent to end', () => {
    const ended = gateway.lines.filter((l) => l.msg === 'delivery.attempted' && !String(l.ats_id).startsWith('quiet'));
    return ended.length === crowded.arrivals().length - before;
  });
  await scene.sql(
    `update endpoint set failures_in_row = 0, breaker_pause_ms = 0, paused_until = '-infinity', probe_until = '-infinity'`,
  );
}

/** The 95th percentile of the times from a quiet account's 202 to the arrival of its result, in ms. */
async function p95(acknowledged: Acknowledged[]): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < WRITES; n++) {
    const { account, clientId } = scene.targets[n % QUIET.length]!;
    const write = { account, clientId, candidateId: 'c', sequence: sequence++ };
    const body = { candidate_id: 'c', first_name: 'A', last_name: 'B', custom_fields: { sequence: write.sequence } };
    const answer = await call(gateway, account, '/v1/candidates', { body });
    const at = performance.timeOrigin + performance.now();
    expect(answer.status).toBe(202);
    const referenceId = String(answer.body.reference_id);
    acknowledged.push({ ...write, referenceId });
    const arrival = await until('a delivery of a quiet account', () =>
      scene.receiver.arrivals().findLast((a) => a.reference_id === referenceId),
    );
    times.push(Math.max(0, arrival.at - at));
  }
  return times.sort((a, b) => a - b)[Math.floor(WRITES * 0.95)]!;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

interface Crowd {
  readonly timeoutMs: number;
  readonly fault: string;
  readonly accounts: readonly string[];
  readonly each: number;
  readonly manner: Manner;
  readonly underWay: number;
}

const CROWDS: Crowd[] = [
  {
    fault: `${BACKLOG} messages due to an endpoint that times out`,
    timeoutMs: 5000,
    accounts: HANGING,
    each: BACKLOG,
    manner: { answer: 'none' },
    underWay: UNDER_WAY.hanging,
  },
  {
    fault: `${SLOW.length} endpoints that answer after ${SLOW_MS} ms`,
    timeoutMs: SLOW_TIMEOUT_MS,
    accounts: SLOW,
    each: BACKLOG_OF_SLOW,
    manner: { afterMs: SLOW_MS },
    underWay: UNDER_WAY.slow,
  },
];

test.each(CROWDS)(
  '$fault do not delay the quiet accounts',
  async ({ fault, timeoutMs, accounts, each, manner, underWay }) => {
    gateway = await startGateway(timeoutMs);
    for (const atsId of accounts) await crowded.behave(atsId, manner);
    const [from, before] = [scene.receiver, crowded].map((receiver) => receiver.arrivals().length) as [number, number];
    const acknowledged: Acknowledged[] = [];
    const [solo, beside]: [number[], number[]] = [[], []];
    await p95(acknowledged);
    for (let round = 0; round < ROUNDS; round++) {
      solo.push(await p95(acknowledged));
      const begun = crowded.arrivals().length;
      await backlog(accounts, each);
      await until('the crowd to be under way', () => crowded.arrivals().length >= begun + underWay);
      beside.push(await p95(acknowledged));
      expect(await scene.count('outbox_message')).toBeGreaterThan((accounts.length * each) / 4);
      await clear(before);
    }
    expect(await gateway.stop()).toBe(0);
    const result = tally(acknowledged, scene.receiver.arrivals().slice(from));
    report(fault, ROUNDS, result);
    const [alone, crowd] = [median(solo), median(beside)];
    const list = (times: readonly number[]) => times.map((ms) => ms.toFixed(1)).join(' ');
    process.stdout.write(
      `  p95 of ${QUIET.length} quiet accounts: ${alone.toFixed(1)} ms alone (${list(solo)}), ` +
        `${crowd.toFixed(1)} ms beside (${list(beside)}), ratio ${(crowd / alone).toFixed(2)}\n`,
    );
    expect(result).toMatchObject({ delivered: acknowledged.length, missing: 0, duplicates: 0, outOfOrder: 0 });
    expect(Math.min(...beside)).toBeLessThan(RATIO * alone + NOISE_MS);
  },
);
