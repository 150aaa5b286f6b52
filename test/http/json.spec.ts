import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../../src/errors';
import { canonicalJson, mergePatch, parseJson } from '../../src/http/json';

function refusal(body: string | Buffer): DomainError {
  try {
    parseJson(Buffer.from(body as string));
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

/** Keys that trip code which assigns or looks up carelessly. */
const key = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'hasOwnProperty', 'toString', '', '10', '9', 'é', '\u{1F600}', '\uFB33'),
  fc.string(),
);
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value')),
    fc.array(fc.tuple(key, tie('value'))).map((entries): unknown => Object.fromEntries(entries)),
  ),
})).value;

/** The same value with the members of every object in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([k, v]) => [k, shuffled(v)]),
  );
}

/** `-0` is written `0` in JSON, so it cannot survive a round trip. */
const roundTrip = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('parseJson', () => {
  it.each([
    ['an empty body', ''],
    ['a broken object', '{"a":'],
    ['a trailing comma', '{"a":1,}'],
    ['a raw NUL', '{"a":"\0"}'],
    ['two values', '{}{}'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
    ['a surrogate encoded in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ])('calls %s malformed (400) and repeats nothing of it', (_, body) => {
    const error = refusal(body);
    expect([error.kind, error.status]).toEqual(['malformed', 400]);
    expect(error.message).toMatch(/^The body is not valid (JSON|UTF-8)$/);
  });

  it.each([
    ['NUL in a string', '{"a":{"b":"x\\u0000"}}', 'a.b', 'must not contain NUL characters'],
    ['NUL in a key', '{"a":{"b\\u0000":1}}', 'a.b\0', 'has a name that must not contain NUL characters'],
    ['a lone high surrogate', '{"a":["ok","\\ud800"]}', 'a.1', 'must be well-formed Unicode'],
    ['a lone low surrogate', '{"a":"\\udc00\\ud800"}', 'a', 'must be well-formed Unicode'],
    ['a lone surrogate in a key', '{"\\udfff":1}', '\udfff', 'has a name that must be well-formed Unicode'],
    ['1e400', '{"a":{"b":[1e400]}}', 'a.b.0', 'must be sent as a string: it is too large for a number'],
    ['-1e400', '{"a":-1e400}', 'a', 'must be sent as a string: it is too large for a number'],
    ['2^53 + 1', '{"id":9007199254740993}', 'id', 'must be sent as a string: it would lose digits'],
    ['a bare string with NUL', '"\\u0000"', 'body', 'must not contain NUL characters'],
  ])('refuses %s with 422 and its path', (_, body, field, message) => {
    const error = refusal(body);
    expect(error.status).toBe(422);
    expect(error.faults).toEqual([{ field, message }]);
  });

  it('names every fault of a body, not only the first', () => {
    const { faults } = refusal('{"a":"\\u0000","b":1e400,"__proto__":{"c":"\\ud800"}}');
    expect(faults.map((f) => f.field)).toEqual(['a', 'b', '__proto__.c']);
  });

  it('answers a body of faults with a bounded list and cut keys', () => {
    expect(refusal(`[${'1e400,'.repeat(50_000)}1]`).faults).toHaveLength(100);
    expect(refusal(`{"${'k'.repeat(500_000)}":1e400}`).faults[0]?.field.length).toBeLessThan(250);
  });

  it('takes 64 levels and refuses the 65th, in arrays and objects', () => {
    const arrays = (n: number): string => '['.repeat(n) + ']'.repeat(n);
    const objects = (n: number): string => '{"a":'.repeat(n - 1) + '{}' + '}'.repeat(n - 1);
    expect(() => parseJson(Buffer.from(arrays(64)))).not.toThrow();
    expect(() => parseJson(Buffer.from(objects(64)))).not.toThrow();
    expect(refusal(objects(65)).faults).toEqual([
      { field: Array(64).fill('a').join('.'), message: 'must not be nested more than 64 levels deep' },
    ]);
    expect(refusal(arrays(65)).status).toBe(422);
  });

  it('answers a million levels without a stack overflow, and looks into 64 of them', () => {
    const looked = jest.spyOn(Object, 'entries');
    try {
      expect(refusal('['.repeat(1e6) + ']'.repeat(1e6)).status).toBe(422);
      expect(looked).toHaveBeenCalledTimes(64);
    } finally {
      looked.mockRestore();
    }
  });

  it('tolerates a byte order mark', () => {
    expect(parseJson(Buffer.from('\ufeff{"a":1}'))).toEqual({ a: 1 });
  });

  it('keeps what is unusual but exact: emoji, safe integers, fractions, odd keys', () => {
    const body = '{"a":"\\ud83d\\ude00","b":9007199254740991,"c":0.1,"constructor":1,"__proto__":2}';
    expect(JSON.stringify(parseJson(Buffer.from(body)))).toBe(
      '{"a":"😀","b":9007199254740991,"c":0.1,"constructor":1,"__proto__":2}',
    );
  });
});

describe('canonicalJson', () => {
  it('writes the sorting example of RFC 8785, section 3.2.3', () => {
    const value = parseJson(
      Buffer.from(
        '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",' +
          '"\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}',
      ),
    );
    expect(Object.values(JSON.parse(canonicalJson(value)) as object).slice(0, 1)).toEqual(['One']);
    expect(canonicalJson(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis",' +
        '"€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    );
  });

  it('writes numbers and literals as RFC 8785 does', () => {
    expect(canonicalJson([Number('333333333.33333329'), 1e30, 4.5, 6, 2e-3, 1e-27, -0, null, true])).toBe(
      '[333333333.3333333,1e+30,4.5,6,0.002,1e-27,0,null,true]',
    );
  });

  it('does not depend on the order of keys', () => {
    fc.assert(fc.property(json, (value) => expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value))));
  });

  it('says the same as the value it was made of, and nothing more', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(isDeepStrictEqual(JSON.parse(canonicalJson(value)), roundTrip(value))).toBe(true);
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
      }),
    );
  });

  it('differs for different values', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(canonicalJson(a) === canonicalJson(b)).toBe(isDeepStrictEqual(roundTrip(a), roundTrip(b)));
      }),
    );
    expect(canonicalJson({ a: 1 })).not.toBe(canonicalJson({ a: '1' }));
    expect(canonicalJson(JSON.parse('{"__proto__":1}'))).toBe('{"__proto__":1}');
  });

  it('leaves undefined members out, so that an instance equals the body it came from', () => {
    expect(canonicalJson({ b: undefined, a: [undefined, 1] })).toBe('{"a":[null,1]}');
  });
});

describe('mergePatch', () => {
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('keeps RFC 7396, appendix A: %s with %s gives %s', (target, patch, result) => {
    expect(JSON.stringify(mergePatch(JSON.parse(target), JSON.parse(patch)))).toBe(result);
  });

  it('treats __proto__ and constructor as data and pollutes nothing', () => {
    const merged = mergePatch(
      {},
      JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'),
    );
    expect(JSON.stringify(merged)).toBe('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect((merged as { admin?: boolean }).admin).toBeUndefined();
    expect(JSON.stringify(mergePatch(JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":null}')))).toBe(
      '{}',
    );
  });

  it('is idempotent and changes neither argument', () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        const once = mergePatch(target, patch);
        expect(isDeepStrictEqual(mergePatch(once, patch), once)).toBe(true);
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });

  it('gives every member that the patch sets, and the target’s for every other', () => {
    const flat = fc.dictionary(key, fc.option(fc.integer()));
    fc.assert(
      fc.property(flat, flat, (target, patch) => {
        const merged = mergePatch(target, patch) as Record<string, unknown>;
        for (const name of new Set([...Object.keys(target), ...Object.keys(patch)])) {
          const wanted = Object.hasOwn(patch, name) ? patch[name] : target[name];
          const removed = Object.hasOwn(patch, name) && patch[name] === null;
          expect(Object.hasOwn(merged, name)).toBe(!removed);
          if (!removed) expect(merged[name]).toBe(wanted);
        }
      }),
    );
  });

  it('takes an undefined member of the patch for an absent one', () => {
    expect(mergePatch({ a: 1 }, { a: undefined })).toEqual({ a: 1 });
  });
});
