const MIN_LENGTH = 12;
const MAX_LENGTH = 200;

/** What is wrong with a password that somebody chooses, or null. Length is what counts; rules of composition only annoy. */
export function passwordFault(password: string, email: string): string | null {
  if (password.length < MIN_LENGTH) return `Use at least ${MIN_LENGTH} characters: a few words will do.`;
  if (password.length > MAX_LENGTH) return `Use at most ${MAX_LENGTH} characters.`;
  if (new Set(password).size < 5) return 'This is too easy to guess.';
  const [name = ''] = email.split('@');
  const plain = password.toLowerCase();
  return plain === email || plain.replaceAll(name, '').length < MIN_LENGTH / 2 ? 'Do not use your e-mail.' : null;
}
