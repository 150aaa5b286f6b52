import fc from 'fast-check';
import { isEmail, validateSync } from 'class-validator';
import { IsEmailAddress } from '../../src/http/email';

class Person {
  @IsEmailAddress()
  email: unknown;
}

function accepts(email: unknown): boolean {
  return validateSync(Object.assign(new Person(), { email })).length === 0;
}

const PIECES = [
  'a',
  'Z',
  '0',
  '.',
  '..',
  '-',
  '--',
  '_',
  '+',
  '@',
  'é',
  ' ',
  '"',
  'b.co',
  'x'.repeat(60),
  '.c',
  '.com',
];

test('an address is taken exactly when the library takes it, in every length and of every piece', () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
    fc
      .tuple(fc.stringMatching(/^[a-z0-9._+-]{1,70}$/), fc.stringMatching(/^[a-zA-Z0-9.-]{1,70}$/))
      .map((p) => p.join('@')),
    fc.emailAddress(),
  );
  fc.assert(
    fc.property(text, (email) => accepts(email) === isEmail(email.trim())),
    { numRuns: 5000 },
  );
});

test('white space around an address is forgiven, anything but text is not', () => {
  expect([' a@b.co\n', 'a@b.co', '', null, 1, ['a@b.co'], {}].map(accepts)).toEqual([
    true,
    true,
    ...Array(5).fill(false),
  ]);
});
