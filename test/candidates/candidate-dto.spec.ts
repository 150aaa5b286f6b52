import fc from 'fast-check';
import { isURL, validateSync } from 'class-validator';
import { CandidateDto } from '../../src/candidates/candidate.dto';

function accepts(linkedin_url: string): boolean {
  const candidate = { candidate_id: 'c', first_name: 'Ann', last_name: 'Lee', linkedin_url };
  return validateSync(Object.assign(new CandidateDto(), candidate)).length === 0;
}

const PIECES = [
  'a',
  'Z0',
  '.',
  '..',
  '-',
  '_',
  '/',
  '//',
  ':',
  '?',
  '#',
  '@',
  '%20',
  ' ',
  'é',
  '.co',
  '.com',
  'x'.repeat(60),
];

test('a web address is taken exactly when the library takes it, in every length and of every piece', () => {
  const text = fc
    .tuple(
      fc.constantFrom('http://', 'HTTPS://', 'https://www.', 'ftp://', ''),
      fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }),
    )
    .map(([scheme, pieces]) => scheme + pieces.join(''));
  fc.assert(
    fc.property(
      fc.oneof(text, fc.webUrl()),
      (url) => accepts(url) === isURL(url.trim(), { protocols: ['http', 'https'] }),
    ),
    { numRuns: 5000 },
  );
});
