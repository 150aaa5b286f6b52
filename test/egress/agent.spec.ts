import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Agent, request } from 'undici';
import { AddressPolicy } from '../../src/egress/address-policy';
import { egressAgent, type EgressOptions } from '../../src/egress/agent';
import { checkTarget, parseTarget, UNREACHABLE } from '../../src/egress/url-policy';

const PUBLIC = '93.184.216.34';
const closed = new AddressPolicy([]);
const loopback = new AddressPolicy(['127.0.0.0/8', '::1/128']);
const REFUSED = { code: 'address_refused', message: UNREACHABLE };

/** Listens on every address of this machine, and counts what reaches it. */
class Listener {
  connections = 0;
  requests: IncomingMessage[] = [];
  readonly server: Server;

  constructor() {
    this.server = createServer((req, res) => {
      this.requests.push(req);
      if (req.url === '/redirect') res.writeHead(307, { location: '/elsewhere' });
      if (req.url === '/big-headers') res.setHeader('x-big', 'x'.repeat(20_000));
      res.end('answer');
    });
    this.server.on('connection', () => this.connections++);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
}

let listener: Listener;
let agents: Agent[];

beforeEach(async () => {
  agents = [];
  listener = new Listener();
  await new Promise<void>((done) => listener.server.listen(0, done));
});

afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.destroy()));
  listener.server.closeAllConnections();
  await new Promise((done) => listener.server.close(done));
});

function agentWith(options: Partial<EgressOptions>): Agent {
  const agent = egressAgent({ policy: closed, development: true, connections: 4, connectTimeoutMs: 2000, ...options });
  agents.push(agent);
  return agent;
}

async function post(dispatcher: Agent, url: string): Promise<{ status: number; body: string }> {
  const answer = await request(url, { dispatcher, method: 'POST', body: '{}' });
  return { status: answer.statusCode, body: await answer.body.text() };
}

const answering =
  (...addresses: string[]) =>
  () =>
    Promise.resolve(addresses);

describe('a name', () => {
  it('that was public when saved and is loopback when the socket connects is refused, and nothing connects', async () => {
    const answers = [[PUBLIC], ['127.0.0.1']];
    const resolve = () => Promise.resolve(answers.shift() ?? []);
    const url = parseTarget(`http://rebind.test:${listener.port}/`, { development: true }) as URL;

    expect(await checkTarget(url, { policy: closed, resolve })).toEqual({ verdict: 'allowed' });
    await expect(post(agentWith({ resolve }), url.href)).rejects.toMatchObject(REFUSED);
    expect(answers).toEqual([]);
    expect(listener.connections).toBe(0);
  });

  it('connects to the address that was judged, whatever the name answers next', async () => {
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    const resolve = () => Promise.resolve(answers.shift() ?? []);
    const agent = agentWith({ policy: loopback, resolve });
    expect(await post(agent, `http://pinned.test:${listener.port}/`)).toEqual({ status: 200, body: 'answer' });
    expect(answers).toHaveLength(1);
  });

  it.each([
    ['a refused address after an allowed one', ['127.0.0.1', '10.0.0.1']],
    ['a refused address before an allowed one', ['10.0.0.1', '127.0.0.1']],
    ['a mapped metadata address', ['127.0.0.1', '::ffff:169.254.169.254']],
  ])('with %s is refused, and nothing connects', async (_name, addresses) => {
    const agent = agentWith({ policy: loopback, resolve: answering(...addresses) });
    await expect(post(agent, `http://mixed.test:${listener.port}/`)).rejects.toMatchObject(REFUSED);
    expect(listener.connections).toBe(0);
  });

  it('with several allowed addresses is tried at each', async () => {
    const agent = agentWith({ policy: loopback, resolve: answering('::1', '127.0.0.1') });
    expect((await post(agent, `http://both.test:${listener.port}/`)).status).toBe(200);
  });

  it.each([
    ['no address', answering(), 'ENOTFOUND'],
    ['a DNS fault', () => Promise.reject(Object.assign(new Error('EAI_AGAIN'), { code: 'EAI_AGAIN' })), 'EAI_AGAIN'],
  ])('with %s fails as a DNS fault does', async (_name, resolve, code) => {
    await expect(post(agentWith({ resolve }), `http://none.test:${listener.port}/`)).rejects.toMatchObject({ code });
  });

  it('that does not resolve in time fails within the bound on connecting', async () => {
    const agent = agentWith({ resolve: () => new Promise(() => undefined), connectTimeoutMs: 100 });
    await expect(post(agent, `http://slow.test:${listener.port}/`)).rejects.toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
    });
    // undici's own bound is 10 s.
  }, 5000);

  it('is looked up once for connections that open together', async () => {
    const resolve = jest.fn(answering('127.0.0.1'));
    const agent = agentWith({ policy: loopback, resolve });
    await Promise.all(Array.from({ length: 4 }, () => post(agent, `http://once.test:${listener.port}/`)));
    expect([listener.connections, resolve.mock.calls.length]).toEqual([4, 1]);
  });

  it('refused for many waiting requests is refused for each', async () => {
    const agent = agentWith({ resolve: answering('127.0.0.1') });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => post(agent, `http://many.test:${listener.port}/`)),
    );
    expect(outcomes.map((o) => o.status === 'rejected' && (o.reason as { code: string }).code)).toEqual(
      Array(50).fill('address_refused'),
    );
  });

  it('is resolved by the system when no resolver is given', async () => {
    const url = `http://localhost:${listener.port}/`;
    expect((await post(agentWith({ policy: loopback }), url)).status).toBe(200);
    await expect(post(agentWith({}), url)).rejects.toMatchObject(REFUSED);
    expect(listener.connections).toBe(1);
  });
});

describe('an address in the URL', () => {
  const literals = ['127.0.0.1', '2130706433', '0x7f.1', '127.1', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]'];
  it.each(literals)('%s is refused at connect, and nothing connects', async (host) => {
    await expect(post(agentWith({}), `http://${host}:${listener.port}/`)).rejects.toMatchObject(REFUSED);
    expect(listener.connections).toBe(0);
  });

  it.each(['127.0.0.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]'])(
    '%s is reached when its range is allowed',
    async (host) => {
      expect((await post(agentWith({ policy: loopback }), `http://${host}:${listener.port}/`)).status).toBe(200);
    },
  );

  it.each(['0.0.0.0', '[::]'])(
    '%s, this machine by another name, is not opened by the loopback ranges',
    async (host) => {
      await expect(post(agentWith({ policy: loopback }), `http://${host}:${listener.port}/`)).rejects.toMatchObject(
        REFUSED,
      );
    },
  );

  it('is refused over TLS as well', async () => {
    await expect(post(agentWith({}), `https://127.0.0.1:${listener.port}/`)).rejects.toMatchObject(REFUSED);
    expect(listener.connections).toBe(0);
  });
});

describe('in production', () => {
  it('plain HTTP is refused at connect', async () => {
    const agent = agentWith({ policy: loopback, development: false });
    await expect(post(agent, `http://127.0.0.1:${listener.port}/`)).rejects.toMatchObject(REFUSED);
    expect(listener.connections).toBe(0);
  });

  it.each([22, 80, 1023])('port %d is refused at connect, before the name is asked for', async (port) => {
    const resolve = jest.fn(answering(PUBLIC));
    await expect(post(agentWith({ development: false, resolve }), `https://a.test:${port}/`)).rejects.toMatchObject(
      REFUSED,
    );
    expect(resolve).not.toHaveBeenCalled();
  });

  it.each(['https://a.test/', 'https://a.test:8443/'])('%s gets as far as its name', async (url) => {
    const resolve = jest.fn(answering('10.0.0.1'));
    await expect(post(agentWith({ development: false, resolve }), url)).rejects.toMatchObject(REFUSED);
    expect(resolve).toHaveBeenCalledWith('a.test');
  });
});

describe('the agent', () => {
  it('follows no redirect', async () => {
    const agent = agentWith({ policy: loopback });
    const answer = await post(agent, `http://127.0.0.1:${listener.port}/redirect`);
    expect(answer.status).toBe(307);
    expect(listener.requests.map((r) => r.url)).toEqual(['/redirect']);
  });

  it.each([1, 3])('opens no more than %d connections to an origin, and uses them again', async (connections) => {
    const agent = agentWith({ policy: loopback, connections });
    for (let round = 0; round < 2; round++) {
      await Promise.all(Array.from({ length: 10 }, () => post(agent, `http://127.0.0.1:${listener.port}/`)));
    }
    expect([listener.connections, listener.requests.length]).toEqual([connections, 20]);
  });

  it('opens as many connections as there are requests when given no number', async () => {
    const agent = agentWith({ policy: loopback, connections: null });
    await Promise.all(Array.from({ length: 40 }, () => post(agent, `http://127.0.0.1:${listener.port}/`)));
    expect(listener.connections).toBe(40);
  });

  it('judges the name of a socket that is never idle again after some 500 requests', async () => {
    const answers = [['127.0.0.1']];
    const resolve = () => Promise.resolve(answers.shift() ?? ['169.254.169.254']);
    const agent = agentWith({ policy: loopback, connections: 1, resolve });
    const posts = Array.from({ length: 510 }, () => post(agent, `http://moved.test:${listener.port}/`));
    const outcomes = await Promise.allSettled(posts);
    expect(outcomes[498]).toMatchObject({ status: 'fulfilled' });
    expect(outcomes[509]).toMatchObject({ status: 'rejected', reason: REFUSED });
    expect(listener.connections).toBe(1);
  });

  it('gives up on an answer with oversized headers', async () => {
    const agent = agentWith({ policy: loopback });
    await expect(post(agent, `http://127.0.0.1:${listener.port}/big-headers`)).rejects.toMatchObject({
      code: 'UND_ERR_HEADERS_OVERFLOW',
    });
  });
});
