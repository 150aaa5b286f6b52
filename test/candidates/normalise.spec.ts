import fc from 'fast-check';

import { normaliseCandidate } from '../../src/candidates/normalise';

const normalised = (field: string, value: unknown): unknown =>
  (normaliseCandidate({ [field]: value }) as Record<string, unknown>)[field];

describe('the text of a candidate', () => {
  it.each(['first_name', 'last_name', 'headline', 'location'])('%s is composed, trimmed and collapsed', (field) => {
    expect(normalised(field, '\uFEFF  Zoe\u0308 \u00A0\t\r\n de\u2003la\u3000Cruz\u202F')).toBe('Zo\u00EB de la Cruz');
  });

  it('keeps joiners, which carry meaning, and turns white space alone into the empty text', () => {
    expect(normalised('last_name', 'می\u200Cخواهم')).toBe('می\u200Cخواهم');
    expect(normalised('headline', ' \u2028 ')).toBe('');
  });

  it('trims an address on the web and leaves its inside alone', () => {
    expect(normalised('linkedin_url', ' https://linkedin.com/in/Ada%20L  x\n')).toBe(
      'https://linkedin.com/in/Ada%20L  x',
    );
  });

  it.each([
    [' Ada.L+Jobs@Example.COM ', 'Ada.L+Jobs@example.com'],
    ['"a@B"@EXAMPLE.com', '"a@B"@example.com'],
    ['jo@BÜCHER.Example', 'jo@bücher.example'],
    ['No-At-Sign', 'No-At-Sign'],
  ])('e-mail %j becomes %j', (sent, stored) => {
    expect(normalised('email', sent)).toBe(stored);
  });
});

describe('the phone of a candidate', () => {
  it.each([
    [' +44 20 7946 0958\u00A0', '+442079460958'],
    ['0044 (0)20 7946-0958', '+442079460958'],
    ['(+44) 20.7946.0958', '+442079460958'],
    ['＋４４２０７９４６０９５８', '+442079460958'],
    ['+٤٤٢٠٧٩٤٦٠٩٥٨', '+442079460958'],
    ['+39 06 698 12345', '+390669812345'],
    ['+4402079460958', '+442079460958'],
  ])('%j becomes %j', (sent, stored) => {
    expect(normalised('phone', sent)).toBe(stored);
  });

  it.each([
    ['national', '020 7946 0958'],
    ['national, with another country in mind', '(213) 373-4253'],
    ['too short', '+44 20'],
    ['no such country', '+999 1234 5678'],
    ['with an extension', '+44 20 7946 0958 ext. 12'],
    ['two numbers', '+44 20 7946 0958 or +44 7700 900123'],
    ['two trunk prefixes', '+375 8 8115 175210'],
    ['words', 'ask  my agent'],
    ['only a prefix', '00'],
  ])('keeps one that is %s as it was sent', (_, sent) => {
    expect(normalised('phone', ` ${sent} `)).toBe(sent);
  });
});

describe('the skills of a candidate', () => {
  it('are distinct whatever their case, in the order and spelling of their first mention', () => {
    const sent = [
      'TypeScript',
      ' typescript',
      'C++',
      '',
      'Caf\u00E9',
      '\u00A0',
      'CAFE\u0301',
      'Project   Management',
      'c++',
      'C',
    ];
    expect(normalised('skills', sent)).toEqual(['TypeScript', 'C++', 'Caf\u00E9', 'Project Management', 'C']);
  });
});

describe('the rest of a candidate', () => {
  it('passes untouched, whatever its keys are, and so do nulls and what is absent', () => {
    const sent = {
      candidate_id: ' c 1 ',
      email: null,
      skills: null,
      phone: undefined,
      languages: [{ name: ' de ' }],
      experience: [{ title: 'e\u0301 ' }],
      education: [],
      cv: { carv_file_id: ' f ' },
      custom_fields: JSON.parse('{"__proto__":{"polluted":true},"constructor":" x "}') as object,
    };
    const before = structuredClone(sent);
    const got = normaliseCandidate(sent);
    expect(got).toStrictEqual(before);
    expect(sent).toStrictEqual(before);
    expect(got.custom_fields).toBe(sent.custom_fields);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('keeps a top-level __proto__ a mere key', () => {
    const sent = JSON.parse('{"__proto__":{"polluted":true},"first_name":" A "}') as { first_name: string };
    expect(JSON.stringify(normaliseCandidate(sent))).toBe('{"__proto__":{"polluted":true},"first_name":"A"}');
  });
});

it('normalising what is normalised changes nothing', () => {
  const spaces = fc.constantFrom(
    ' ',
    '\t',
    '\u00A0',
    '\u2000',
    '\u3000',
    '\uFEFF',
    '\u0301',
    '\u0345',
    '\u212B',
    'İ',
    'Σ',
    '@',
  );
  const text = fc.array(fc.oneof(fc.string({ unit: 'binary' }), spaces)).map((parts) => parts.join(''));
  const phone = fc
    .tuple(
      fc.constantFrom('+', '00', '(+', '＋', '', ' +'),
      fc.constantFrom('44', '375', '52', '54', '1', '39', '7', '49'),
      fc.array(fc.constantFrom('0', '0', '1', '1', '2', '3', '4', '5', '6', '7', '8', '8', '9', ' ', '(', ')', '-'), {
        maxLength: 18,
      }),
    )
    .map(([prefix, country, rest]) => prefix + country + rest.join(''));
  const field = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
  const candidate = fc.record(
    {
      first_name: field(text),
      location: field(text),
      linkedin_url: field(text),
      email: field(text),
      phone: field(fc.oneof(phone, text)),
      skills: field(fc.array(text)),
      custom_fields: fc.object(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(candidate, (sent) => {
      const once = normaliseCandidate(sent);
      expect(normaliseCandidate(once)).toStrictEqual(once);
      expect(Object.keys(once)).toEqual(Object.keys(sent));
    }),
    { numRuns: 2000, examples: [[{ phone: '+37588115175210' }]] },
  );
});
