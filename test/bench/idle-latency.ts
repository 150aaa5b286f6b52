// How long after its 202 a lone request's result arrives, from a real gateway on an embedded database of its own:
//   node --require ./test/support/register-swc.cjs test/bench/idle-latency.ts [seconds] [requests per second]
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { cleanUp, makeDirectory } from '../support/embedded-server';
import { call } from '../support/gateway';
import { killProcesses, runToEnd, spawnStart, startGatewayProcess } from '../support/gateway-process';
import { startReceiver } from '../support/receiver';
import { until } from '../support/until';

const [seconds = 20, rate = 5] = process.argv.slice(2).map(Number);

interface Account {
  readonly api_key: string;
  readonly outgoing_webhook_secret: string;
}

async function main(): Promise<void> {
  // JSON lines as in production, for they cost time too.
  const settings = {
    DATA_DIR: join(await makeDirectory(), 'data'),
    ENCRYPTION_KEY: '07'.repeat(32),
    NODE_ENV: 'test',
    LOG_LEVEL: 'debug',
  };
  const gateway = await startGatewayProcess(settings);
  const cli = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await runToEnd(spawnStart(['cli', ...args, '--json'], settings));
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  };
  let secret = '';
  const receiver = await startReceiver(() => secret);
  const made = (await cli(
    'account',
    'create',
    '--ats-id',
    'bench',
    '--name',
    'B',
    '--webhook-url',
    receiver.url,
  )) as Account;
  await cli('workspace', 'provision', '--ats-id', 'bench', '--client-id', 'client-1', '--name', 'C');
  secret = made.outgoing_webhook_secret;

  const times: number[] = [];
  const responses: number[] = [];
  for (let n = 0; n < seconds * rate; n++) {
    const pace = sleep(1000 / rate);
    const body = { candidate_id: `c-${n}`, first_name: 'Ann', last_name: 'Lee', email: 'ann@example.com' };
    const from = performance.now();
    const answer = await call(gateway, { apiKey: made.api_key }, '/v1/candidates', { body });
    const answered = performance.now();
    if (answer.status !== 202) throw new Error(`answered ${answer.status} ${JSON.stringify(answer.body)}`);
    const find = () => receiver.deliveries.find((d) => d.body.reference_id === answer.body.reference_id);
    const { at, verified } = await until('the result', find);
    if (!verified) throw new Error('a signature is wrong');
    responses.push(answered - from);
    times.push(at - answered);
    await pace;
  }
  process.stdout.write(`${row('request to 202', responses)}${row('202 to webhook', times)}`);
  await gateway.stop();
  await receiver.close();
}

function row(what: string, times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(1);
  return `${what}: n ${sorted.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms\n`;
}

main()
  .finally(async () => {
    await killProcesses();
    await cleanUp();
  })
  .catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  });
