/**
 * Other spellings of one skill, first its canonical one. Only what a reader would call the same thing: a score must be
 * explainable by looking at both texts.
 */
const SPELLINGS: readonly (readonly [canonical: string, ...others: string[]])[] = [
  ['javascript', 'js', 'ecmascript', 'java script'],
  ['typescript', 'ts', 'type script'],
  ['node.js', 'nodejs', 'node js'],
  ['react', 'react.js', 'reactjs', 'react js'],
  ['vue', 'vue.js', 'vuejs', 'vue js'],
  ['angular', 'angular.js', 'angularjs', 'angular js'],
  ['next.js', 'nextjs', 'next js'],
  ['nestjs', 'nest.js', 'nest js'],
  ['go', 'golang'],
  ['c#', 'csharp', 'c sharp'],
  ['c++', 'cpp'],
  ['.net', 'dotnet', 'dot net'],
  ['postgresql', 'postgres', 'psql'],
  ['mongodb', 'mongo', 'mongo db'],
  ['sql server', 'mssql', 'ms sql'],
  ['kubernetes', 'k8s'],
  ['aws', 'amazon web services'],
  ['gcp', 'google cloud platform', 'google cloud'],
  ['azure', 'microsoft azure', 'ms azure'],
  ['ci cd', 'cicd', 'continuous integration'],
  ['machine learning', 'ml'],
  ['artificial intelligence', 'ai'],
  ['natural language processing', 'nlp'],
  ['user experience', 'ux'],
  ['user interface', 'ui'],
  ['rest', 'restful', 'rest api', 'restful api'],
  ['graphql', 'graph ql'],
  ['excel', 'ms excel', 'microsoft excel'],
  ['word', 'ms word', 'microsoft word'],
  ['power bi', 'powerbi'],
  ['human resources', 'hr'],
  ['search engine optimization', 'seo', 'search engine optimisation'],
];

/** Between words: a phrase that is found takes only its own spaces, and leaves its neighbours theirs. */
const GAP = '  ';
/** Bounds what hostile text can cost: more than a hundred pages. */
const MAX_CHARS = 200_000;

const STOP_WORDS = new Set(
  `about above after also among around because been before being below best between both company candidate could does
   doing down during each every experience from further good great have having help here hers himself however ideal into
   itself join just know like looking make many more most much must need needs nice offer only other ours over part plus
   responsible responsibilities requirement requirements role same should skill skills some strong such team than that
   their theirs them then there these they this those through under until upon using very want well were what when where
   which while will with within without work working would year years you'll your yours we're able across`
    .split(/\s+/)
    .map(stem),
);

/** Letters and digits, joined by inner dots and apostrophes; a dot before and signs behind, as in `.NET`, `C++`, `C#`. */
const WORD = /\.?[\p{L}\p{N}]+(?:[.'’][\p{L}\p{N}]+)*[+#]*/gu;
const SHORTEST_TERM = 4;

const CANONICAL_WORDS = new Map<string, string>();
const CANONICAL_PHRASES: (readonly [phrase: string, canonical: string])[] = [];
for (const [canonical, ...others] of SPELLINGS) {
  for (const other of others) {
    const name = words(canonical).map(stem).join(GAP);
    if (other.includes(' ')) CANONICAL_PHRASES.push([joined(words(other).map(stem)), ` ${name} `]);
    else CANONICAL_WORDS.set(stem(other), name);
  }
}
// The longest first, so that "google cloud platform" is not cut short by "google cloud".
CANONICAL_PHRASES.sort(([a], [b]) => b.length - a.length);

/** What is looked for: the words of `text` in one spelling each, every one between spaces of its own. */
export function needle(text: string): string {
  return spelled(phrased(joined(words(text).map(stem))));
}

/** What is searched: the same, and once more with its phrases left as they are, since their words count as well. */
export function haystack(text: string): string {
  const plain = joined(words(text).map(stem));
  return `${spelled(phrased(plain))}|${spelled(plain)}`;
}

/** Whether all words of the needle stand in the haystack, side by side. */
export function contains(hay: string, sought: string): boolean {
  return sought.trim() !== '' && hay.includes(sought);
}

/** The distinct words of a text that say something, the most frequent first, each as it first stands there. */
export function significant(text: string, limit: number): string[] {
  const found = new Map<string, { word: string; count: number }>();
  for (const word of words(text)) {
    const key = stem(word);
    if (key.length < SHORTEST_TERM || STOP_WORDS.has(key)) continue;
    const known = found.get(key);
    if (known === undefined) found.set(key, { word, count: 1 });
    else known.count++;
  }
  return [...found.values()]
    .sort((a, b) => b.count - a.count)
    .slice(0, limit)
    .map(({ word }) => word);
}

/** Every text in a free-form value, joined; nested ones to a depth that no honest profile has. */
export function textsOf(value: unknown, depth = 6): string {
  const found: string[] = [];
  let length = 0;
  const visit = (part: unknown, left: number): void => {
    if (length > MAX_CHARS) return;
    if (typeof part === 'string') {
      found.push(part);
      length += part.length;
    } else if (typeof part === 'object' && part !== null && left > 0) {
      for (const member of Object.values(part)) visit(member, left - 1);
    }
  };
  visit(value, depth);
  return found.join('\n');
}

function phrased(text: string): string {
  return CANONICAL_PHRASES.reduce((rest, [phrase, canonical]) => rest.replaceAll(phrase, canonical), text);
}

function spelled(text: string): string {
  return joined(text.split(' ').flatMap((word) => (word === '' ? [] : [CANONICAL_WORDS.get(word) ?? word])));
}

function words(text: string): string[] {
  // Normalising may make a text many times longer, so it is bounded before and after.
  const plain = text
    .slice(0, MAX_CHARS)
    .normalize('NFKD')
    .slice(0, MAX_CHARS)
    .replace(/\p{M}+/gu, '')
    .toLowerCase();
  return plain.match(WORD) ?? [];
}

/** The English plural, and nothing cleverer. */
function stem(word: string): string {
  return word.length > 3 && /^[\p{L}’']+[^s]s$/u.test(word) ? word.slice(0, -1) : word;
}

function joined(list: readonly string[]): string {
  return ` ${list.join(GAP)} `;
}
