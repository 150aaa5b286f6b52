import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver, type ResultBody } from '../support/receiver';
import { until } from '../support/until';
import { Model, type ModelResult, type ModelWrite } from './model';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 40);
/** Every so many deliveries one is refused the first time it comes. */
const REFUSED_EVERY = 5;
const PLURAL = { candidate: 'candidates', vacancy: 'vacancies', application: 'applications' } as const;
const METHOD = { created: 'POST', updated: 'PATCH', deleted: 'DELETE' } as const;
/** Made by the gateway, not by the ATS, so the model knows nothing of them. */
const SCORE = ['score', 'score_reasons', 'scored_by'];

jest.setTimeout(300_000 + RUNS * 2000);

let gateways: Gateway[];
let receiver: Receiver;
let account: TestAccount;
let clients = 0;

beforeAll(async () => {
  const env = { DELIVERY_RETRY_SCHEDULE: '0,0,0,0,0,0,0,0' };
  const first = await startGateway({ env });
  gateways = [first, await startGateway({ env, databaseUrl: first.databaseUrl })];
  const refused = new Set<string>();
  receiver = await startReceiver(
    () => account.outgoingSecret,
    ({ body }, _, count) => {
      if (count % REFUSED_EVERY !== 0 || refused.has(body.event_id)) return 200;
      refused.add(body.event_id);
      return 500;
    },
  );
  account = await makeAccount(first, 'acme', receiver.url);
});

afterAll(async () => {
  await gateways[1]!.close();
  await gateways[0]!.close();
  await receiver.close();
});

const ids = fc.constantFrom('1', '2', '3');
const key = fc.constantFrom('a', 'b', 'c');
const leaf = fc.oneof(fc.constant(null), fc.string(), fc.integer(), fc.boolean());
const { object } = fc.letrec<{ object: object; value: unknown }>((tie) => ({
  object: fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  value: fc.oneof({ maxDepth: 2 }, leaf, tie('object'), fc.array(leaf, { maxLength: 2 })),
}));
const custom_fields = fc.oneof(fc.constant(null), object);
const optional = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(fields, { requiredKeys: [] });
const text = fc.oneof(fc.constant(null), fc.constantFrom('one', 'two'));

const OPTIONAL = {
  candidate: optional({ headline: text, skills: fc.oneof(fc.constant(null), fc.constant(['Go'])), custom_fields }),
  vacancy: optional({ location: text, status: fc.constantFrom('open', 'closed', null), custom_fields }),
  application: optional({ stage: text, custom_fields }),
};
const REQUIRED = {
  candidate: { first_name: fc.constantFrom('Ann', 'Bo'), last_name: fc.constant('Lee') },
  vacancy: { title: fc.constantFrom('Cook', 'Clerk') },
  application: { candidate_id: ids, vacancy_id: ids },
};

function writesOf(name: ModelWrite['name']): fc.Arbitrary<ModelWrite> {
  const required: Record<string, fc.Arbitrary<unknown>> = REQUIRED[name];
  const whole = fc.tuple(fc.record(required), OPTIONAL[name]);
  const part = fc.tuple(optional(required), OPTIONAL[name]);
  const fields = {
    created: whole.map(([a, b]) => ({ ...a, ...b })),
    updated: part.map(([a, b]) => ({ ...a, ...b })),
    deleted: fc.constant({}),
  };
  return fc
    .constantFrom('created' as const, 'created' as const, 'updated' as const, 'deleted' as const)
    .chain((verb) => fc.record({ name: fc.constant(name), verb: fc.constant(verb), id: ids, fields: fields[verb] }));
}

interface Sent {
  readonly write: ModelWrite;
  readonly via: 'rest' | 'webhook';
  /** How often it is sent beside the first time: at the same time, and again when all is over. */
  readonly twins: number;
  readonly repeated: boolean;
}

const sequences = fc.array(
  fc.record<Sent>({
    write: fc.oneof(writesOf('candidate'), writesOf('vacancy'), writesOf('application')),
    via: fc.constantFrom('rest', 'webhook'),
    twins: fc.constantFrom(0, 0, 0, 2),
    repeated: fc.boolean(),
  }),
  { minLength: 1, maxLength: 30 },
);

let turn = 0;

async function send({ write, via }: Sent, clientId: string, key: string): Promise<string> {
  const { name, verb, id, fields } = write;
  const to = gateways[turn++ % gateways.length]!;
  const own = verb === 'created' || via === 'webhook' ? { [`${name}_id`]: id, ...fields } : fields;
  if (via === 'webhook') {
    const event = { event: `${name}.${verb}`, event_id: key, client_id: clientId, user_id: 'u', ...own };
    const raw = Buffer.from(JSON.stringify(event));
    const signature = signatureHeader([account.incomingSecret], Math.floor(Date.now() / 1000), raw);
    const headers = { 'Content-Type': 'application/json', 'X-Webhook-Signature': signature };
    const response = await fetch(`${to.origin}/v1/webhooks/acme`, { method: 'POST', headers, body: raw });
    expect(response.status).toBe(202);
    return ((await response.json()) as { reference_id: string }).reference_id;
  }
  const path = `/v1/${PLURAL[name]}${verb === 'created' ? '' : `/${id}`}`;
  const body = verb === 'deleted' ? undefined : own;
  const answer = await call(to, account, path, {
    method: METHOD[verb],
    clientId,
    body,
    headers: { 'Idempotency-Key': key },
  });
  expect(answer).toMatchObject({ status: 202 });
  return String(answer.body.reference_id);
}

function shown({ event, error, data }: ResultBody): ModelResult {
  const own = Object.entries(data).filter(([field]) => !SCORE.includes(field));
  return { event, code: error?.code ?? null, data: Object.fromEntries(own) };
}

async function arrived(references: readonly string[]): Promise<ResultBody[]> {
  const own = new Set(references);
  const results = (): Map<string, ResultBody> =>
    new Map(receiver.deliveries.map(({ body }) => [body.reference_id, body] as const).filter(([id]) => own.has(id)));
  await until('all results to arrive', () => results().size === own.size);
  return references.map((reference) => results().get(reference)!);
}

/** In the order in which they first arrived. */
function orderOf(references: readonly string[], writes: readonly ModelWrite[]): Map<string, number[]> {
  const index = new Map(references.map((reference, i) => [reference, i]));
  const order = new Map<string, number[]>();
  for (const { body } of receiver.deliveries) {
    const i = index.get(body.reference_id);
    if (i === undefined) continue;
    const entity = `${writes[i]!.name} ${writes[i]!.id}`;
    const seen = order.get(entity) ?? [];
    if (!seen.includes(i)) order.set(entity, [...seen, i]);
  }
  return order;
}

async function stored(clientId: string): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (const [name, plural] of Object.entries(PLURAL)) {
    const { body } = await call(gateways[0]!, account, `/v1/${plural}`, { clientId });
    for (const entity of body.data as Record<string, unknown>[]) {
      const made = ['created_at', 'updated_at', ...SCORE];
      const own = Object.fromEntries(Object.entries(entity).filter(([field]) => !made.includes(field)));
      found.set(`${name} ${String(entity[`${name}_id`])}`, own);
    }
  }
  return found;
}

test('any writes, over REST and webhooks, doubled and repeated, end in the state and the ordered results of the model', () =>
  fc.assert(
    fc.asyncProperty(sequences, async (sequence) => {
      const client_id = `own-${++clients}`;
      const body = { client_id, name: client_id, admin_name: 'Ann', admin_email: 'ann@example.com' };
      expect((await call(gateways[0]!, account, '/v1/workspaces', { body })).status).toBe(202);

      const keys = sequence.map(() => randomUUID());
      const references: string[] = [];
      for (const [i, sent] of sequence.entries()) {
        const twins = Array.from({ length: sent.twins + 1 }, () => send(sent, client_id, keys[i]!));
        const answered = new Set(await Promise.all(twins));
        expect(answered.size).toBe(1);
        references.push(...answered);
      }
      for (const [i, sent] of sequence.entries()) {
        if (sent.repeated) expect(await send(sent, client_id, keys[i]!)).toBe(references[i]);
      }

      const model = new Model();
      const expected = sequence.map(({ write }) => model.write(write));
      const results = await arrived(references);
      expect(results.map(shown)).toEqual(expected);
      const writes = sequence.map(({ write }) => write);
      for (const order of orderOf(references, writes).values()) {
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }
      expect(await stored(client_id)).toEqual(model.entities);
    }),
    { numRuns: RUNS, endOnFailure: process.env.CI === 'true' },
  ));
