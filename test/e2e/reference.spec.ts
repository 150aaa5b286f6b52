import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { EventType } from '../../src/event-types/event-types.service';
import { AppModule } from '../../src/app.module';
import { readEnv } from '../../src/config/read-env';
import { DEMO } from '../../src/accounts/demo';
import { DemoAccount } from '../../src/ops/demo-account.service';
import { describeModule } from '../../src/reference/preview';
import { startGateway, type Gateway } from '../support/gateway';
import { routesOf } from '../support/routes';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({ env: { PUBLIC_URL: 'https://gateway.example.org' } });
});

afterAll(() => gateway.close());

const get = (path: string, headers: Record<string, string> = {}) => fetch(gateway.origin + path, { headers });

test('openapi.json is what the code says; after a change: npm run openapi', async () => {
  const committed = readFileSync(join(__dirname, '../../openapi.json'), 'utf8');
  const document = await describeModule(AppModule.of(readEnv({ NODE_ENV: 'test' })), '/');
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(document)));
  expect(committed).toBe(`${JSON.stringify(document, null, 2)}\n`);
});

test('what the server serves is the same, with its own address', async () => {
  const committed = JSON.parse(readFileSync(join(__dirname, '../../openapi.json'), 'utf8')) as object;
  const served = (await (await get('/openapi.json')).json()) as object;
  expect(served).toEqual({ ...committed, servers: [{ url: 'https://gateway.example.org' }] });
});

test('every route says what it is for, or why it is not in the reference', () => {
  const routes = routesOf(gateway);
  const silent = routes
    .filter(({ docs, undocumented }) => docs === undefined && undocumented === undefined)
    .map(
      ({ method, path, handler }) => `${handler} (${method} ${path}) needs @Documented({…}) or @Undocumented('why')`,
    );
  expect(silent).toEqual([]);
  expect(routes.filter(({ docs, undocumented }) => docs && undocumented)).toEqual([]);
  expect(routes.length).toBeGreaterThan(20);
});

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** Express spells out every method there is for a route that takes them all. */
function methodsOf({ methods }: NonNullable<Layer['route']>): string[] {
  return 'trace' in methods ? ['ALL'] : Object.keys(methods).map((method) => method.toUpperCase());
}

test('the table of routes is all that Express serves', () => {
  const { router } = gateway.app.getHttpAdapter().getInstance() as { router: { stack: Layer[] } };
  const served = router.stack.flatMap(({ route }) =>
    route === undefined ? [] : methodsOf(route).map((method) => `${method} ${route.path}`),
  );
  const table = routesOf(gateway).map(({ method, path }) => `${method} ${path}`);
  expect(table.sort()).toEqual([...new Set(served)].sort());
});

test('every field is described, and has an example', async () => {
  const document = (await (await get('/openapi.json')).json()) as Record<string, never>;
  const undescribed: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    const { properties, examples } = value as {
      properties?: Record<string, Record<string, unknown>>;
      examples?: unknown;
    };
    for (const [name, field] of Object.entries(typeof properties === 'object' ? properties : {})) {
      const partial = path.includes('/oneOf/') && /^(status|error|data)$/.test(name);
      if (!partial && field.description === undefined) undescribed.push(`${path}/${name}: no description`);
      const composed = ['object', 'array'].includes(String(field.type)) || '$ref' in field || 'oneOf' in field;
      if (!partial && !composed && !('const' in field) && field.examples === undefined) {
        undescribed.push(`${path}/${name}: no example`);
      }
    }
    for (const [key, member] of Object.entries(value)) {
      if (key !== 'example' && member !== examples) visit(member, `${path}/${key}`);
    }
  };
  visit(document, '');
  expect(undescribed).toEqual([]);
});

test('the page takes nothing from elsewhere and runs nothing inline', async () => {
  const page = await get('/docs');
  const html = await page.text();
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = page.headers.get('content-security-policy')!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(html).not.toMatch(/<script(?! src="\/docs\/)|\son\w+=|style=|https?:/);
  const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!);
  expect(addresses).toHaveLength(5);
  for (const address of addresses) {
    const asset = await get(address);
    expect(asset.status).toBe(200);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect((await asset.arrayBuffer()).byteLength).toBe(Number(asset.headers.get('content-length')));
  }
  expect((await get(addresses[0]!.replace(/assets\/\w+/, 'assets/0'))).status).toBe(404);
  for (const name of ['constructor', '..%2f..%2fpackage.json', 'swagger-ui.css.map']) {
    const refused = await get(addresses[0]!.replace(/[^/]+$/, name));
    expect([refused.status, refused.headers.get('cache-control')]).toEqual([404, 'no-store']);
  }
});

test('the page knows credentials only where there is a demo account', async () => {
  const page = async () => (await get('/docs')).text();
  expect(await page()).not.toContain(DEMO.apiKey);
  await gateway.app.get(DemoAccount).ensure(gateway.origin);
  expect(await page()).toContain(`data-api-key="${DEMO.apiKey}"`);
});

test('the schema of an event is complete in itself and describes its samples', async () => {
  const { data } = (await (await get('/v1/event-types')).json()) as { data: { event: string; description: string }[] };
  expect(data).toHaveLength(14);
  for (const { event, description } of data) {
    const found = (await (await get(`/v1/event-types/${event}`)).json()) as EventType;
    expect(found).toMatchObject({ event, description });
    expect(found.schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    const ajv = new Ajv2020({ strict: false });
    addFormats(ajv);
    const validate = ajv.compile(found.schema);
    const { success, error } = found.samples;
    expect([validate(success), validate(error)]).toEqual([true, true]);
    expect(validate({ ...success, status: 'error' })).toBe(false);
    expect(validate({ ...success, data: {} })).toBe(false);
  }
});

test.each(['constructor', '__proto__', 'candidate', 'candidate.created%00'])('%s is no event type', async (event) => {
  const answer = await get(`/v1/event-types/${event}`);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([404, 'no-store']);
});
