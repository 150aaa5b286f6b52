/** A string, a sign, or whatever else stands between them: a number keeps the very digits that were sent. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
/** Deeper, or longer, and the blanks alone could be many times what was sent. */
const MAX_DEPTH = 24;
const MAX_LENGTH = 1_000_000;

/** The same JSON, a member on each line; null for what is no JSON, or would grow too large. */
export function indentJson(text: string): string | null {
  if (!isContainer(text)) return null;
  let depth = 0;
  let out = '';
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const closes = token === '}' || token === ']';
    if (closes) depth--;
    const opened = last === '{' || last === '[';
    const breaks = closes ? !opened : opened || last === ',';
    if (breaks) out += `\n${'  '.repeat(depth)}`;
    else if (last === ':') out += ' ';
    out += token;
    last = token;
    if (token === '{' || token === '[') depth++;
    if (depth > MAX_DEPTH || out.length > MAX_LENGTH) return null;
  }
  return out;
}

function isContainer(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
