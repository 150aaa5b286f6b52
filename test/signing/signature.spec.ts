import fc from 'fast-check';
import crypto from 'node:crypto';
import { sign, signatureHeader, verify } from '../../src/signing/signature';

const NOW = 1_767_225_600;
const SECRET = 'your-outgoing-webhook-secret';
const BODY = Buffer.from('{"event":"candidate.created","data":{"first_name":"Zoë"}}');
// Computed with Python's hmac module.
const DIGEST = '5af318cdcfcccc9d07110fb0f5c410eda2fd243a39134cfb092ef6c58a88289f';
const OTHER = 'ab'.repeat(32);

describe('sign', () => {
  it.each([
    [SECRET, NOW, BODY, DIGEST],
    ['gehëim', NOW, BODY, '2f67ccb1a3d14aa376cd8bb6d081b65c422ce0232cf2c307926b948494f19d81'],
    [
      'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
      NOW,
      BODY,
      'cc992d292e35344fa30bfb83b6be8148b2de1888413c3b4e74cd67713eee1291',
    ],
    [
      'your-incoming-webhook-secret',
      1,
      Buffer.alloc(0),
      '2218bd131a4873aed9faaf784abf7d57fa796d20961e4b643f7efef2feb6119f',
    ],
  ])('gives the known digest for %s at %d', (secret, timestamp, body, digest) => {
    expect(sign(secret, timestamp, body)).toBe(digest);
  });

  it('refuses a timestamp that is not whole seconds', () => {
    expect(() => sign(SECRET, NOW + 0.5, BODY)).toThrow(RangeError);
  });
});

describe('signatureHeader', () => {
  it('is what the contract shows', () => {
    expect(signatureHeader([SECRET], NOW, BODY)).toBe(`t=${NOW},v1=${DIGEST}`);
  });

  it('signs with every secret, in the order given', () => {
    expect(signatureHeader(['a', 'b', SECRET], NOW, BODY)).toBe(
      `t=${NOW},v1=${sign('a', NOW, BODY)},v1=${sign('b', NOW, BODY)},v1=${DIGEST}`,
    );
  });

  it.each([
    [['former', SECRET], SECRET, true],
    [[SECRET, 'former'], 'former', true],
    [[SECRET, 'former'], SECRET, false],
  ])('of %j satisfies published receiver code that holds %s: %s', (secrets, held, accepted) => {
    expect(publishedReceiver(BODY, signatureHeader(secrets, NOW, BODY), held)).toBe(accepted);
  });
});

/** `verify_webhook` of the published Quick Start: `dict(part.split("=", 1) for part in header.split(","))`. */
function publishedReceiver(payload: Buffer, header: string, secret: string): boolean {
  const parts = new Map(
    header.split(',').map((part): [string, string] => {
      const at = part.indexOf('=');
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );
  const signed = Buffer.concat([Buffer.from(`${parts.get('t')}.`), payload]);
  return crypto.createHmac('sha256', secret).update(signed).digest('hex') === parts.get('v1');
}

describe('verify', () => {
  const accepted: [name: string, header: string][] = [
    ['the plain header', `t=${NOW},v1=${DIGEST}`],
    ['v1 before t', `v1=${DIGEST},t=${NOW}`],
    ['whitespace around parts', ` t=${NOW} , v1=${DIGEST}\t`],
    ['an unknown key', `t=${NOW},v0=abc,v2=def,flag,v1=${DIGEST},`],
    ['several v1, the first valid', `t=${NOW},v1=${DIGEST},v1=${OTHER},v1=${OTHER}`],
    ['several v1, the middle one valid', `t=${NOW},v1=${OTHER},v1=${DIGEST},v1=${OTHER}`],
    ['several v1, the last valid', `t=${NOW},v1=${OTHER},v1=short,v1=${DIGEST}`],
    ['sixteen parts', `t=${NOW},${`v1=${OTHER},`.repeat(14)}v1=${DIGEST}`],
  ];
  it.each(accepted)('accepts %s', (_name, header) => {
    expect(verify(header, BODY, [SECRET], NOW)).toEqual({ valid: true, secretIndex: 0 });
  });

  it('verifies the digits as they were signed, leading zeros included', () => {
    const digest = crypto.createHmac('sha256', SECRET).update(`00${NOW}.`).update(BODY).digest('hex');
    expect(verify(`t=00${NOW},v1=${digest}`, BODY, [SECRET], NOW).valid).toBe(true);
  });

  const twentyDigits = `0000000000${NOW}`;
  const hexTime = `0x${NOW.toString(16)}`;
  const signedText = (t: string): string =>
    crypto.createHmac('sha256', SECRET).update(`${t}.`).update(BODY).digest('hex');
  const malformed: [name: string, header: string | undefined][] = [
    ['no header', undefined],
    ['an empty header', ''],
    ['no t', `v1=${DIGEST}`],
    ['two t', `t=${NOW},t=${NOW},v1=${DIGEST}`],
    ['two t, one of them empty', `t=${NOW},t=,v1=${DIGEST}`],
    ['an empty t', `t=,v1=${signedText('')}`],
    ['a non-numeric t', `t=now,v1=${signedText('now')}`],
    ['a t of 20 digits', `t=${twentyDigits},v1=${signedText(twentyDigits)}`],
    ['a t of 13 digits', `t=000${NOW},v1=${signedText(`000${NOW}`)}`],
    ['a negative t', `t=-${NOW},v1=${signedText(`-${NOW}`)}`],
    ['a signed t', `t=+${NOW},v1=${signedText(`+${NOW}`)}`],
    ['a hexadecimal t', `t=${hexTime},v1=${signedText(hexTime)}`],
    ['a fractional t', `t=${NOW}.0,v1=${signedText(`${NOW}.0`)}`],
    ['an exponent in t', `t=1767225600e0,v1=${signedText('1767225600e0')}`],
    ['digits of another script', `t=١٧٦٧٢٢٥٦٠٠,v1=${DIGEST}`],
    ['no v1', `t=${NOW}`],
    ['an empty v1', `t=${NOW},v1=`],
    ['a short v1', `t=${NOW},v1=${DIGEST.slice(0, 8)}`],
    ['a v1 of 63 digits', `t=${NOW},v1=${DIGEST.slice(1)}`],
    ['a v1 of 65 digits', `t=${NOW},v1=${DIGEST}0`],
    ['uppercase digits', `t=${NOW},v1=${DIGEST.toUpperCase()}`],
    ['a v1 that is not hexadecimal', `t=${NOW},v1=${'z'.repeat(64)}`],
    ['a valid digest under another key', `t=${NOW},v0=${DIGEST}`],
    ['an uppercase key', `t=${NOW},V1=${DIGEST}`],
    ['seventeen parts', `t=${NOW},${`v1=${OTHER},`.repeat(15)}v1=${DIGEST}`],
    ['1000 parts', `t=${NOW},v1=${DIGEST},${'a=b,'.repeat(998)}`],
    ['a very long header', `t=${NOW},v1=${DIGEST},pad=${'x'.repeat(5000)}`],
  ];
  it.each(malformed)('refuses %s', (_name, header) => {
    expect(verify(header, BODY, [SECRET], NOW)).toEqual({ valid: false, reason: 'malformed' });
  });

  it.each([
    [300, true],
    [-300, true],
    [301, false],
    [-301, false],
    [300.5, false],
  ])('at %d seconds after signing: %s', (age, valid) => {
    const header = signatureHeader([SECRET], NOW, BODY);
    expect(verify(header, BODY, [SECRET], NOW + age)).toEqual(
      valid ? { valid, secretIndex: 0 } : { valid, reason: 'stale' },
    );
  });

  it('tells which secret verified', () => {
    const header = signatureHeader([SECRET], NOW, BODY);
    expect(verify(header, BODY, ['a', 'b', SECRET, 'd'], NOW)).toEqual({ valid: true, secretIndex: 2 });
  });

  it.each([[[]], [['']], [['another']]])('refuses when the live secrets are %j', (secrets) => {
    const header = signatureHeader([SECRET], NOW, BODY);
    expect(verify(header, BODY, secrets, NOW)).toEqual({ valid: false, reason: 'mismatch' });
  });

  it('compares as often whichever secret matches, or none', () => {
    const hmac = jest.spyOn(crypto, 'createHmac');
    const compare = jest.spyOn(crypto, 'timingSafeEqual');
    const work = ['a', 'b', 'c', 'none of them'].map((signer) => {
      const header = `t=${NOW},v1=${OTHER},v1=${sign(signer, NOW, BODY)}`;
      hmac.mockClear();
      compare.mockClear();
      verify(header, BODY, ['a', 'b', 'c'], NOW);
      return [hmac.mock.calls.length, compare.mock.calls.length];
    });
    jest.restoreAllMocks();
    expect(work).toEqual([
      [3, 6],
      [3, 6],
      [3, 6],
      [3, 6],
    ]);
  });
});

describe('for any secret, time and body', () => {
  const secret = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 });
  const time = fc.integer({ min: 1_000_000_000, max: 99_999_999_999 });
  const body = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));

  it('what signatureHeader writes, verify accepts', () => {
    fc.assert(
      fc.property(fc.uniqueArray(secret, { minLength: 1, maxLength: 4 }), time, body, (secrets, t, bytes) => {
        const header = signatureHeader(secrets, t, bytes);
        return secrets.every((s) => verify(header, bytes, [s], t).valid);
      }),
    );
  });

  it('one changed byte of the body is refused', () => {
    fc.assert(
      fc.property(secret, time, body, fc.nat(), fc.integer({ min: 1, max: 255 }), (s, t, bytes, at, mask) => {
        fc.pre(bytes.length > 0);
        const changed = Buffer.from(bytes);
        changed[at % bytes.length]! ^= mask;
        return !verify(signatureHeader([s], t, bytes), changed, [s], t).valid;
      }),
    );
  });

  it('one changed character of t or v1 is refused', () => {
    fc.assert(
      fc.property(secret, time, body, fc.nat(), fc.integer({ min: 1, max: 127 }), (s, t, bytes, at, mask) => {
        const header = signatureHeader([s], t, bytes);
        // Only the two values: a changed key or separator is the table's business above.
        const places = [...header.matchAll(/[0-9a-f]/g)].map((m) => m.index).filter((i) => !isKey(header, i));
        const place = places[at % places.length]!;
        const changed = String.fromCharCode(header.charCodeAt(place) ^ mask);
        return !verify(header.slice(0, place) + changed + header.slice(place + 1), bytes, [s], t).valid;
      }),
      { numRuns: 2000 },
    );
  });

  /** The `1` of `v1=`. */
  function isKey(header: string, index: number): boolean {
    return header[index + 1] === '=';
  }
});
