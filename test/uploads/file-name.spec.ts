import { displayName } from '../../src/uploads/file-name';

it.each([
  ['cv.pdf', 'cv.pdf'],
  ['Lebenslauf Müller.docx', 'Lebenslauf Müller.docx'],
  ['../../etc/passwd', 'passwd'],
  ['C:\\Users\\ann\\cv.pdf', 'cv.pdf'],
  ['a\u0000b\r\n\u001b[31m.pdf', 'ab [31m.pdf'],
  ['cv\u202efdp.exe', 'cvfdp.exe'],
  ['Mu\u0308ller.pdf', 'Müller.pdf'],
  ['  \t ', 'file'],
  ['..', 'file'],
  ['a/', 'file'],
  ['', 'file'],
  [undefined, 'file'],
  [`${'x'.repeat(400)}.docx`, `${'x'.repeat(250)}.docx`],
  ['😀'.repeat(300), '😀'.repeat(255)],
])('of %j keeps %j', (given, kept) => {
  expect(displayName(given)).toBe(kept);
});
