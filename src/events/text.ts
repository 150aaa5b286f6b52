/**
 * One spelling for one text: Unicode NFC, every run of white space one space, none at the ends.
 *
 * White space is what JavaScript's `\s` says, so line breaks, NBSP, the thin and the ideographic spaces and a stray
 * byte-order mark count: profiles are pasted from PDFs and web pages, where these are layout, and two names that look
 * alike should compare alike. Joiners that carry meaning in some scripts (U+200C, U+200D) are not in `\s` and stay.
 */
export function tidy(text: string): string {
  return text.normalize('NFC').replace(/\s+/g, ' ').trim();
}

/** The texts tidied, the empty ones dropped, and of those that differ only in case the first one kept in its place. */
export function tidyDistinct(texts: readonly string[]): string[] {
  const distinct = new Map<string, string>();
  for (const text of texts) {
    const spelling = tidy(text);
    const key = spelling.toLowerCase();
    if (spelling !== '' && !distinct.has(key)) distinct.set(key, spelling);
  }
  return [...distinct.values()];
}

/** Trimmed, its domain in lower case: what the local part means is its own server's business. */
export function tidyEmail(email: string): string {
  const trimmed = email.trim();
  const at = trimmed.lastIndexOf('@');
  return at === -1 ? trimmed : trimmed.slice(0, at) + trimmed.slice(at).toLowerCase();
}
