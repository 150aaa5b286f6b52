import { tidy } from '../events/text';

const MAX_LENGTH = 255;
/** Controls, formatting characters (zero width, direction) and lone surrogates. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}]/gu;
const EXTENSION = /\.[^.]{1,15}$/u;
const UNNAMED = 'file';

/**
 * What is kept of the name that the client gave: its last part, in NFC, without what nobody can see, 255 characters at
 * most with its extension. It is only shown; no path and no judgement is ever made from it.
 */
export function displayName(given: string | undefined): string {
  const last = (given ?? '').split(/[/\\]/).at(-1) ?? '';
  const name = tidy(tidy(last).replace(INVISIBLE, ''));
  if (name === '' || name === '.' || name === '..') return UNNAMED;
  const characters = Array.from(name);
  if (characters.length <= MAX_LENGTH) return name;
  const extension = EXTENSION.exec(name)?.[0] ?? '';
  return characters.slice(0, MAX_LENGTH - Array.from(extension).length).join('') + extension;
}
