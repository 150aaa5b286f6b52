import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, statement } from '../../src/database/database';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { killProcesses, startGatewayProcess } from '../support/gateway-process';
import { startReceiver, type Receiver, type ResultBody } from '../support/receiver';
import { docx, pdf } from '../support/cv-documents';
import { callBack, startScorer, type TestScorer } from '../support/scorer';
import { until } from '../support/until';

const CANDIDATE = {
  first_name: 'Jane',
  last_name: 'Smith',
  headline: 'Backend engineer',
  skills: ['TypeScript', 'SQL'],
};
const VACANCY = {
  title: 'Backend engineer',
  description: 'Build services in TypeScript.',
  skills: ['TypeScript', 'Go'],
};
const GOOD = { score: 71.6, reasons: ['it fits'] };

let gateway: Gateway;
let receiver: Receiver;
let scorer: TestScorer;
let account: TestAccount;
let accounts = 0;
let directory: string;

async function prepare(env: Record<string, string> = {}): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'scoring-'));
  gateway = await startGateway({ env: { DATA_DIR: directory, ...env } });
  receiver = await startReceiver(() => account.outgoingSecret);
}

async function newAccount(): Promise<void> {
  account = await makeAccount(gateway, `account-${accounts++}`, receiver.url);
  await write('candidates', { candidate_id: 'c', ...CANDIDATE });
  await write('vacancies', { vacancy_id: 'v', ...VACANCY });
}

async function write(path: string, body: object, method = 'POST'): Promise<string> {
  const answer = await call(gateway, account, `/v1/${path}`, { method, body });
  expect(answer.status).toBe(202);
  return String(answer.body.reference_id);
}

function apply(id: string, fields: object = {}): Promise<string> {
  return write('applications', { application_id: id, candidate_id: 'c', vacancy_id: 'v', ...fields });
}

async function upload(content: Buffer): Promise<string> {
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(content)]), 'cv');
  const headers = { 'X-API-Key': account.apiKey, 'X-ATS-Client-ID': 'client-1' };
  const response = await fetch(`${gateway.origin}/uploads`, { method: 'POST', headers, body });
  expect(response.status).toBe(200);
  return ((await response.json()) as { carv_file_id: string }).carv_file_id;
}

function arrivals(reference: string): ResultBody[] {
  return receiver.deliveries.filter((d) => d.body.reference_id === reference).map((d) => d.body);
}

function result(reference: string): Promise<ResultBody> {
  return until(`the result of ${reference}`, () => arrivals(reference)[0]);
}

async function read(path: string): Promise<Record<string, unknown>> {
  return (await call(gateway, account, `/v1/${path}`)).body;
}

function sql<T extends object>(text: string): Promise<T[]> {
  return gateway.app.get(Database).query<T>(statement('', text));
}

describe('without an external scorer', () => {
  beforeAll(() => prepare());
  beforeEach(newAccount);
  afterAll(async () => {
    await gateway.close();
    await rm(directory, { recursive: true });
    await receiver.close();
  });

  test('a new application has an explained score in its result, in what is read, and in later updates', async () => {
    const { event, status, data } = await result(await apply('x', { stage: 'new' }));
    const score = { score: expect.any(Number), score_reasons: expect.any(Array), scored_by: 'baseline-1' };
    expect({ event, status }).toEqual({ event: 'application.created', status: 'success' });
    expect(data).toEqual({ application_id: 'x', candidate_id: 'c', vacancy_id: 'v', stage: 'new', ...score });
    expect(data.score_reasons).toContain('1 of 2 required skills found: TypeScript; missing: Go');
    const known = { score: data.score, score_reasons: data.score_reasons, scored_by: 'baseline-1' };
    expect(await read('applications/x')).toMatchObject(known);
    const updated = await result(await write('applications/x', { stage: 'hired' }, 'PATCH'));
    expect(updated).toMatchObject({ event: 'application.updated', data: { stage: 'hired', ...known } });
    const again = await result(await apply('x', { stage: 'again' }));
    expect(again).toMatchObject({ event: 'application.updated', data: { stage: 'again', ...known } });
  });

  test('an ATS cannot set a score', async () => {
    const answer = await call(gateway, account, '/v1/applications', {
      body: { application_id: 'x', candidate_id: 'c', vacancy_id: 'v', score: 100 },
    });
    expect(answer).toMatchObject({ status: 422, body: { detail: 'score is not a known field' } });
  });

  test('with nothing to judge by the score is null with the reason', async () => {
    await write('candidates', { candidate_id: 'bare', first_name: 'A', last_name: 'B' });
    const { data } = await result(await apply('x', { candidate_id: 'bare' }));
    expect(data).toMatchObject({
      score: null,
      score_reasons: [
        'There is no CV text and the candidate has no skills to judge by',
        'There is no CV: judged by the profile alone',
      ],
    });
  });

  test.each([
    ['PDF', pdf(['Jane Smith', 'Ten years of Go and TypeScript'])],
    ['DOCX', docx(['Jane Smith', 'Ten years of Go and TypeScript'])],
  ])("the application's CV counts, a %s, and without one the candidate's", async (_, content) => {
    const [first, second] = [await upload(content), await upload(content)];
    await write('candidates', { candidate_id: 'cv', first_name: 'A', last_name: 'B', cv: { carv_file_id: first } });
    const found = '2 of 2 required skills found: TypeScript, Go';
    expect((await result(await apply('x', { candidate_id: 'cv' }))).data.score_reasons).toContain(found);
    await write('candidates', { candidate_id: 'none', first_name: 'A', last_name: 'B' });
    const { data } = await result(await apply('y', { candidate_id: 'none', cv: { carv_file_id: second } }));
    expect(data).toMatchObject({ cv: { carv_file_id: second }, score: expect.any(Number) });
    expect(data.score_reasons).toContain(found);
  });

  test('a CV that cannot be read leaves the profile, and is named', async () => {
    const carv_file_id = await upload(Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(500, 'x')]));
    const { data } = await result(await apply('x', { cv: { carv_file_id } }));
    expect(data.score).toEqual(expect.any(Number));
    expect(data.score_reasons).toContain('The CV could not be read: the file is damaged');
  });

  test('nobody can call back', async () => {
    const flow = await apply('x');
    const body = { token: 'x', ...GOOD };
    expect(await callBack(gateway.origin, `/internal/v1/scores/${flow}`, body, 'the-secret-of-the-scorer')).toBe(401);
    expect(await callBack(gateway.origin, `/internal/v1/scores/${flow}`, body, '')).toBe(401);
  });
});

describe('an external scorer', () => {
  beforeAll(async () => {
    scorer = await startScorer(() => [200, GOOD]);
    await prepare({ SCORER_URL: scorer.url, SCORER_SECRET: scorer.secret });
  });
  beforeEach(async () => {
    scorer.asked.splice(0);
    scorer.script = () => [200, GOOD];
    await newAccount();
  });
  afterAll(async () => {
    await gateway.close();
    await rm(directory, { recursive: true });
    await receiver.close();
    await scorer.close();
  });

  test('is asked once, signed, with all it needs, and its answer is the score', async () => {
    const flow = await apply('x', { stage: 'new' });
    const { data } = await result(flow);
    expect(data).toMatchObject({ score: 72, score_reasons: ['it fits'], scored_by: 'external' });
    const [asked, ...others] = scorer.asked;
    expect(others).toEqual([]);
    expect(asked).toMatchObject({ verified: true, path: '/score' });
    expect(asked!.question).toEqual({
      reference_id: flow,
      ats_id: account.atsId,
      client_id: 'client-1',
      application: { application_id: 'x', candidate_id: 'c', vacancy_id: 'v', stage: 'new' },
      candidate: { candidate_id: 'c', ...CANDIDATE },
      vacancy: { vacancy_id: 'v', ...VACANCY },
      cv_text: null,
      cv_fault: null,
      callback_url: expect.stringMatching(new RegExp(`^http.*/internal/v1/scores/${flow}$`)),
      callback_token: expect.stringMatching(/^[\w-]{43}$/),
      deadline: expect.stringMatching(/Z$/),
    });
    const left = Date.parse(asked!.question.deadline) - Date.now();
    expect(left).toBeGreaterThan(20_000);
    expect(left).toBeLessThanOrEqual(61_000);
  });

  test('that fails, stalls for a moment or talks nonsense is asked again', async () => {
    const answers: [number, unknown?][] = [
      [500, 'down'],
      [302],
      [200, 'no JSON'],
      [200, { score: 101, reasons: [] }],
      [200, GOOD],
    ];
    scorer.script = (_, response, count) => {
      response.setHeader('Location', '/elsewhere');
      return answers[count - 1];
    };
    const flow = await apply('x');
    const { data } = await until('the result, its waits cut short', async () => {
      await sql('update scoring_task set available_at = now() where available_at > now()');
      return arrivals(flow)[0];
    });
    expect(data).toMatchObject({ score: 72 });
    expect(scorer.asked).toHaveLength(5);
    expect(new Set(scorer.asked.map((a) => a.question.callback_token)).size).toBe(1);
    expect(scorer.asked.map((a) => a.path)).toEqual(Array.from({ length: 5 }, () => '/score'));
  });

  test.each<[string, unknown, string]>([
    ['no JSON', 'no JSON', 'The body is not valid JSON'],
    ['a score beyond its range', { score: -1, reasons: [] }, 'score must be a number from 0 to 100, or null'],
    ['a text', { score: '80', reasons: [] }, 'score must be a number from 0 to 100, or null'],
    ['no score', { reasons: [] }, 'score is required'],
    ['no reasons', { score: 80 }, 'reasons is required'],
    ['an unexplained null', { score: null, reasons: [] }, 'reasons must say why there is no score'],
    ['a list', [1], 'score is required'],
  ])('that answers %s to the end leaves a null score that says so', async (_, answer, fault) => {
    scorer.script = () => [200, answer];
    const flow = await apply('x');
    await until('a first try', async () => (await sql('select from scoring_task where failures > 0')).length > 0);
    await sql('update scoring_task set deadline_at = now(), available_at = now()');
    const { status, data } = await result(flow);
    expect(status).toBe('success');
    expect(data.score).toBeNull();
    expect(data.score_reasons).toEqual([
      expect.stringContaining(`There was no score within 60 s: the scorer's answer was not valid: ${fault}`),
    ]);
  });

  test('that never ends its answer, or sends far too much, holds nobody up', async () => {
    scorer.script = (_, response, count) => {
      if (count > 1) return [200, GOOD];
      response.writeHead(200, { 'Content-Type': 'application/json' });
      const timer = setInterval(() => response.write('x'.repeat(65_536)), 1);
      response.once('close', () => clearInterval(timer));
      return undefined;
    };
    expect(await result(await apply('x'))).toMatchObject({ data: { score: 72 } });
    expect(scorer.asked[0]!.abandoned()).toBe(true);
  });

  test('that does not answer within 10 s is asked again', async () => {
    scorer.script = (_, _response, count) => (count > 1 ? [200, GOOD] : undefined);
    const startedAt = performance.now();
    expect(await result(await apply('x'))).toMatchObject({ data: { score: 72 } });
    expect(performance.now() - startedAt).toBeGreaterThan(9900);
  });

  test('may say that there is no score, and why', async () => {
    scorer.script = () => [200, { score: null, reasons: ['the CV is in a language I do not read'], model: 'x' }];
    const { data } = await result(await apply('x'));
    expect(data).toMatchObject({ score: null, score_reasons: ['the CV is in a language I do not read'] });
  });

  test('may answer later, once, signed, to the flow that it was asked for; one application that waits delays no other', async () => {
    scorer.script = ({ question }) => (question.application.application_id === 'waits' ? [202] : [200, GOOD]);
    const waiting = await apply('waits');
    const following = await write('applications/waits', { stage: 'later' }, 'PATCH');
    const overtaking = await apply('overtakes');
    expect(await result(overtaking)).toMatchObject({ data: { score: 72 } });
    expect(await result(await write('candidates/c', { headline: 'x' }, 'PATCH'))).toMatchObject({ status: 'success' });
    expect(arrivals(waiting)).toEqual([]);
    expect(arrivals(following)).toEqual([]);
    const timeline = [{ at: expect.any(String), stage: 'accepted' }];
    expect(await read(`flows/${waiting}`)).toMatchObject({ status: 'accepted', result: null, timeline });
    expect(await read('applications/waits')).not.toHaveProperty('score');

    const { callback_url, callback_token: token } = scorer.asked.find(
      (a) => a.question.reference_id === waiting,
    )!.question;
    const path = new URL(callback_url).pathname;
    const body = { token, score: 50, reasons: ['slowly judged'] };
    expect(await callBack(gateway.origin, path, body, account.incomingSecret)).toBe(401);
    expect(await callBack(gateway.origin, path, body, scorer.secret, 't=1,v1=00')).toBe(401);
    expect(await callBack(gateway.origin, path, { ...body, token: 'x'.repeat(43) }, scorer.secret)).toBe(404);
    expect(await callBack(gateway.origin, path.replace(waiting, overtaking), body, scorer.secret)).toBe(404);
    expect(await callBack(gateway.origin, '/internal/v1/scores/x', body, scorer.secret)).toBe(404);
    expect(await callBack(gateway.origin, path, { ...body, score: 101 }, scorer.secret)).toBe(422);
    expect(await callBack(gateway.origin, path, { token, score: 50 }, scorer.secret)).toBe(422);
    expect(arrivals(waiting)).toEqual([]);

    const sent = await Promise.all([1, 2, 3, 4].map(() => callBack(gateway.origin, path, body, scorer.secret)));
    expect(sent.filter((status) => status === 204)).toHaveLength(1);
    expect(sent.filter((status) => status === 409 || status === 404)).toHaveLength(3);
    expect(await result(waiting)).toMatchObject({
      event: 'application.created',
      data: { score: 50, score_reasons: ['slowly judged'], scored_by: 'external' },
    });
    expect(await result(following)).toMatchObject({ event: 'application.updated', data: { stage: 'later' } });
    expect(await callBack(gateway.origin, path, body, scorer.secret)).toBe(404);
    expect(await read('applications/waits')).toMatchObject({ stage: 'later', score: 50 });
    const order = receiver.deliveries.map((d) => d.body.reference_id).filter((r) => [waiting, following].includes(r));
    expect(order).toEqual([waiting, following]);
    expect(await read(`flows/${waiting}`)).toMatchObject({ status: 'delivered', result: 'success' });
  });

  test('a promised answer that never comes leaves a null score at the deadline', async () => {
    scorer.script = () => [202];
    const flow = await apply('x');
    await until(
      'the promise',
      async () => (await sql('select from scoring_task where available_at = deadline_at')).length > 0,
    );
    await sql('update scoring_task set deadline_at = now(), available_at = now()');
    expect((await result(flow)).data).toMatchObject({
      score: null,
      score_reasons: ['There was no score within 60 s'],
      scored_by: 'external',
    });
  });
});

test('a worker killed while it scores loses nothing: the next one asks again, and each flow has one result', async () => {
  scorer = await startScorer(() => undefined);
  const settings = { SCORER_URL: scorer.url, SCORER_SECRET: scorer.secret };
  await prepare({ ROLE: 'api', ...settings });
  const worker = { ROLE: 'worker', DATABASE_URL: gateway.databaseUrl, ...settings };
  const victim = await startGatewayProcess(worker);
  await newAccount();
  const flows = await Promise.all(['1', '2', '3', '4', '5'].map((id) => apply(id)));
  await until('all to be asked for', () => scorer.asked.length === 5);
  await victim.kill9();
  await until('its requests to break off', () => scorer.asked.every((a) => a.abandoned()));

  scorer.script = () => [200, GOOD];
  const later = await write('applications/1', { stage: 'later' }, 'PATCH');
  await sql('update scoring_task set leased_until = now()');
  const successor = await startGatewayProcess(worker);
  for (const flow of flows) expect(await result(flow)).toMatchObject({ data: { score: 72 } });
  await result(later);
  for (const flow of flows) expect(arrivals(flow)).toHaveLength(1);
  expect(await sql('select from result_event')).toHaveLength(8);
  expect(await sql('select from scoring_task')).toEqual([]);
  expect(await successor.stop()).toBe(0);
  await gateway.close();
  await rm(directory, { recursive: true });
  await receiver.close();
  await scorer.close();
});

afterAll(killProcesses);
