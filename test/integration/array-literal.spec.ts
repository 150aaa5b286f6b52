import fc from 'fast-check';
import { arrayLiteral } from '../../src/database/array-literal';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement } from '../../src/database/database';
import { createDatabase, type TestDatabase } from '../support/postgres';

let store: TestDatabase;
let database: Database;

beforeAll(async () => {
  store = await createDatabase();
  database = new Database(await createDataSource(store.url, 1).initialize());
});

afterAll(async () => {
  await database.source.destroy();
  await store.drop();
});

async function echo(type: string, values: readonly unknown[]): Promise<unknown> {
  const [row] = await database.query<{ back: unknown }>(statement('', `select $1::${type}[] as back`), [values]);
  return row!.back;
}

/** PostgreSQL's text holds neither. */
const text = fc.string({ unit: 'binary' }).map((s) => s.replace(/[\0\ud800-\udfff]/g, ''));
const written = fc.oneof(
  text,
  fc.constantFrom('', 'NULL', 'null', '{}', '",\\', '\\n', '\n', '\u2028', ' a ', '{"a":"\\u0001"}'),
);

test.each<[string, fc.Arbitrary<unknown>]>([
  ['text', written],
  ['text', fc.jsonValue().map((value) => JSON.stringify(value).replaceAll('\\u0000', ''))],
  ['int', fc.integer()],
  ['float8', fc.double({ noDefaultInfinity: false }).filter((n) => !Object.is(n, -0))],
  ['bool', fc.boolean()],
  ['bytea', fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))],
])('an array of %s comes back from the database as it was given, whatever is in it', async (type, element) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(element)), async (values) => {
      expect(await echo(type, values)).toEqual(values);
    }),
  );
});

test('times come back as they were given', async () => {
  const times = [new Date(0), null, new Date('2026-02-25T10:30:00.123Z')];
  expect(await echo('timestamptz', times)).toEqual(times);
});

test('what the hot statements are given is written in one call; the rest is left to the driver', () => {
  expect(arrayLiteral(['a', null, 'b"\\c'])).toBe('{"a",null,"b\\"\\\\c"}');
  expect(arrayLiteral([1, null, 2.5])).toBe('{1,null,2.5}');
  expect(arrayLiteral([])).toBe('{}');
  for (const left of [['a\n'], [new Date(0)], [Buffer.of(1)], [[1]], [Infinity], [1n], 'a', null, 1]) {
    expect(arrayLiteral(left)).toBe(left);
  }
});
