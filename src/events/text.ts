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

/** For texts of several lines: Unicode NFC, every line break one newline, no white space at the ends. */
export function tidyLines(text: string): string {
  return text
    .normalize('NFC')
    .replace(/\r\n?|\u2028|\u2029/g, '\n')
    .trim();
}

/** A copy in which these fields, where they hold texts, are rewritten; absent ones stay absent, and nulls null. */
export function rewriteTexts<T extends object>(
  entity: T,
  rules: { readonly [K in keyof T]?: (text: string) => string },
): T {
  const copy = { ...entity } as Record<string, unknown>;
  for (const [name, rule] of Object.entries(rules) as [string, (text: string) => string][]) {
    const text = copy[name];
    if (typeof text === 'string') copy[name] = rule(text);
  }
  return copy as T;
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
