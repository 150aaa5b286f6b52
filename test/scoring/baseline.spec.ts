import fc from 'fast-check';
import { baselineScore, type Material } from '../../src/scoring/baseline';
import { contains, haystack, needle } from '../../src/scoring/terms';
import { growth } from '../support/growth';

const VACANCY = {
  vacancy_id: 'v',
  title: 'Backend Engineer',
  description: 'You build services in TypeScript on PostgreSQL and run them on Kubernetes.',
  skills: ['TypeScript', 'Postgres', 'Kubernetes', 'C++', '.NET', 'Machine Learning'],
};

function material({
  cv = null,
  candidate = {},
  vacancy = {},
}: Partial<Record<keyof Material, unknown>> = {}): Material {
  return {
    application: { application_id: 'a' },
    candidate: candidate as Material['candidate'],
    vacancy: { ...VACANCY, ...(vacancy as object) },
    cv: cv as Material['cv'],
  };
}

describe('the baseline', () => {
  test('names what it found, what is missing, and how it weighed them', () => {
    const candidate = { headline: 'Backend engineer', skills: ['TS', 'PostgreSQL', 'k8s', 'c++', 'ML'] };
    const { score, reasons } = baselineScore(material({ candidate, cv: { text: 'I run services on Kubernetes.' } }));
    expect(reasons[0]).toBe(
      '5 of 6 required skills found: TypeScript, Postgres, Kubernetes, C++, Machine Learning; missing: .NET',
    );
    expect(reasons).toContain("2 of 2 words of the vacancy's title found: backend, engineer");
    expect(reasons.at(-1)).toBe('Weighted: skills 70 %, title 10 %, description 20 %');
    expect(score).toBeGreaterThan(75);
    expect(score).toBeLessThan(95);
  });

  test('is 100 when all is there, and 0 when nothing is', () => {
    const everything = { skills: [...VACANCY.skills, VACANCY.title, VACANCY.description] };
    expect(baselineScore(material({ candidate: everything })).score).toBe(100);
    expect(baselineScore(material({ candidate: { skills: ['Gardening'] } })).score).toBe(0);
  });

  test.each([
    ['a skill by another name', ['golang'], 'Go', true],
    ['a plural', ['relational databases'], 'Relational database', true],
    ['accents and case', ['resume CRÊPE'], 'crepe', true],
    ['a name of several words', ['Amazon Web Services'], 'AWS', true],
    ['the same phrase twice', ['node js node js'], 'NodeJS', true],
    ['not a part of a word', ['JavaScript'], 'Java', false],
    ['not words that do not stand side by side', ['machine oil, learning'], 'Machine Learning', false],
    ['not across two skills', ['machine', 'learning'], 'Machine Learning', false],
    ['C, not C++ or C#', ['C++', 'C#'], 'C', false],
    ['a word in another script', ['日本語 Программирование'], 'программирование', true],
    ['no pattern: a skill is text', ['anything'], '.*', false],
  ])('finds %s', (_, skills, wanted, found) => {
    const { score } = baselineScore(
      material({ candidate: { skills }, vacancy: { title: '-', description: 'zzzz', skills: [wanted, 'absent'] } }),
    );
    expect(score! > 0).toBe(found);
  });

  test('reads the CV and the free-form members of the profile', () => {
    const vacancy = { title: '-', description: null, skills: ['Rust', 'Kafka', 'Physics'] };
    const candidate = { experience: [{ any: { thing: ['used Kafka'] } }], education: [{ degree: 'MSc Physics' }] };
    const { score, reasons } = baselineScore(material({ candidate, vacancy, cv: { text: 'Wrote\nRust, daily.' } }));
    expect(score).toBe(100);
    expect(reasons).toEqual(['3 of 3 required skills found: Rust, Kafka, Physics', 'Weighted: skills 100 %']);
  });

  test.each([
    [
      'neither a CV nor skills',
      { candidate: { headline: 'TypeScript' } },
      'There is no CV text and the candidate has no skills to judge by',
    ],
    [
      'a CV that cannot be read, and no skills',
      { cv: { fault: 'it is damaged' } },
      'The CV could not be read: it is damaged',
    ],
    [
      'a CV without text, and no skills',
      { cv: { text: ' \n' }, candidate: { skills: ['', ' '] } },
      'The CV holds no text; it may be a scan',
    ],
    [
      'a vacancy that asks for nothing',
      { candidate: { skills: ['Go'] }, vacancy: { skills: [], description: ' ' } },
      'The vacancy names no skills and has no description to compare with',
    ],
  ])('has no score but a reason with %s', (_, given, reason) => {
    const { score, reasons } = baselineScore(material(given));
    expect(score).toBeNull();
    expect(reasons).toContain(reason);
  });

  test('says so when it judged without a CV', () => {
    const { score, reasons } = baselineScore(material({ candidate: { skills: ['Kubernetes'] } }));
    expect(score).toBeGreaterThan(0);
    expect(reasons).toContain('There is no CV: judged by the profile alone');
  });

  test('whatever it is given: 0 to 100 or null, the same again for the same, and reasons that fit on a page', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('TypeScript', 'Postgres', '(.*)+$', '\u0000\u202e'),
    );
    const texts = fc.option(fc.array(text, { maxLength: 30 }));
    const candidate = fc.record({ headline: fc.option(text), skills: texts, experience: fc.array(fc.object()) });
    const vacancy = fc.record({ title: text, description: fc.option(text), skills: texts });
    const cv = fc.option(fc.oneof(fc.record({ text }), fc.record({ fault: text })));
    fc.assert(
      fc.property(fc.record({ candidate, vacancy, cv }), (given) => {
        const made = baselineScore(material(given));
        expect(baselineScore(structuredClone(material(given)))).toEqual(made);
        expect(made.reasons.length).toBeGreaterThan(0);
        expect(made.reasons.join().length).toBeLessThan(10_000);
        expect(JSON.parse(JSON.stringify(made))).toEqual(made);
        if (made.score === null) return;
        expect(Number.isInteger(made.score) && made.score >= 0 && made.score <= 100).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test.each<[string, string]>([
    ['one letter', 'a'.repeat(1_000_000)],
    ['single letters', 'a '.repeat(500_000)],
    ['dots', '.'.repeat(1_000_000)],
    ['letters and dots', 'a.'.repeat(500_000)],
    ['marks', 'a\u0301'.repeat(500_000)],
    ['what expands when it is normalised', '\ufdfa'.repeat(1_000_000)],
    ['words that spell a phrase', 'node js '.repeat(100_000)],
  ])('the cost of a megabyte of %s grows as the length of what counts of it', (_, whole) => {
    const score = (text: string, times: number) => () => {
      const skills = Array.from({ length: 1000 }, (__, i) => (i % 2 === 0 ? text.slice(0, 500) : 'a a a a b'));
      baselineScore({
        application: {},
        candidate: { skills, headline: text, experience: Array.from({ length: times }, () => ({ text })) },
        vacancy: { title: text, description: text, skills },
        cv: { text },
      });
    };
    // An eightieth, and 200,000 characters: sixteen times as much. Uncut it is up to 50 times, by the square 256.
    expect(growth(score(whole.slice(0, whole.length / 80), 1), score(whole, 1000))).toBeLessThan(30);
  });
});

test('a text holds each of its own words, and every run of them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{2,9}$/), { minLength: 1 }),
      fc.nat(),
      fc.nat(),
      (words, from, count) => {
        const start = from % words.length;
        const run = words.slice(start, start + 1 + (count % words.length));
        for (const word of words) expect(contains(haystack(words.join(' ')), needle(word))).toBe(true);
        expect(contains(haystack(run.join(', ')), needle(run.join(' ')))).toBe(true);
      },
    ),
  );
});
