import { contains, haystack, needle, significant, textsOf } from './terms';

/** What was judged, and why; a null score says in its reasons what was missing. */
export interface Score {
  /** A whole number from 0 to 100. */
  readonly score: number | null;
  /** Sentences for a recruiter. */
  readonly reasons: readonly string[];
}

/** The text of a CV, or why there is none. */
export type CvText = { readonly text: string } | { readonly fault: string };

/** What a score is made of; of the entities only the fields that count are named. */
export interface Material {
  readonly application: object;
  readonly candidate: {
    readonly headline?: string | null;
    readonly skills?: readonly string[] | null;
    readonly experience?: readonly object[] | null;
    readonly education?: readonly object[] | null;
  };
  readonly vacancy: {
    readonly title: string;
    readonly description?: string | null;
    readonly skills?: readonly string[] | null;
  };
  /** Null: neither the application nor the candidate has one. */
  readonly cv: CvText | null;
}

/** Named in every score: whoever compares two scores must see whether one rule made both. */
export const BASELINE = 'baseline-1';

interface Part {
  readonly name: string;
  readonly weight: number;
  /** From 0 to 1. */
  readonly value: number;
  readonly reason: string;
}

/** Of the parts that the vacancy gives, these shares, brought to a sum of 1. */
const WEIGHTS = { skills: 70, title: 10, description: 20 } as const;
const MAX_SKILLS = 100;
const MAX_OWN_SKILLS = 500;
const MAX_SKILL_LENGTH = 100;
const MAX_TERMS = 60;
const MAX_NAMED = 12;
const MAX_NAME_LENGTH = 60;

/** Compares what the vacancy asks for with what profile and CV say. The same material always gives the same score. */
export function baselineScore({ candidate, vacancy, cv }: Material): Score {
  const wanted = skillsOf(vacancy).slice(0, MAX_SKILLS);
  const own = skillsOf(candidate).slice(0, MAX_OWN_SKILLS);
  const cvText = cv !== null && 'text' in cv ? cv.text : '';
  const terms = significant(vacancy.description ?? '', MAX_TERMS);
  const about = cvReasons(cv);
  const missing = [
    ...(own.length === 0 && !says(cvText) ? ['There is no CV text and the candidate has no skills to judge by'] : []),
    ...(wanted.length === 0 && terms.length === 0
      ? ['The vacancy names no skills and has no description to compare with']
      : []),
  ];
  if (missing.length > 0) return { score: null, reasons: [...missing, ...about] };
  // Each text stands alone, so that no phrase is found across the seam of two.
  const texts = [...own, candidate.headline ?? '', textsOf([candidate.experience, candidate.education]), cvText];
  const offered = texts.map(haystack).join('|');
  const parts = [
    skillPart(wanted, offered),
    termPart('title', significant(vacancy.title, MAX_TERMS), offered),
    termPart('description', terms, offered),
  ].filter((part) => part !== null);
  return weighed(parts, about);
}

function weighed(parts: readonly Part[], about: readonly string[]): Score {
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  const points = parts.reduce((sum, part) => sum + part.weight * part.value, 0);
  const weights = parts.map((part) => `${part.name} ${Math.round((100 * part.weight) / total)} %`);
  return {
    score: Math.round((100 * points) / total),
    reasons: [...parts.map((part) => part.reason), ...about, `Weighted: ${weights.join(', ')}`],
  };
}

function skillPart(skills: readonly string[], offered: string): Part | null {
  if (skills.length === 0) return null;
  const found = skills.filter((skill) => contains(offered, needle(skill)));
  const missing = skills.filter((skill) => !found.includes(skill));
  return {
    name: 'skills',
    weight: WEIGHTS.skills,
    value: found.length / skills.length,
    reason: `${found.length} of ${skills.length} required skills found${listed(': ', found)}${listed('; missing: ', missing)}`,
  };
}

function termPart(name: 'title' | 'description', terms: readonly string[], offered: string): Part | null {
  if (terms.length === 0) return null;
  const found = terms.filter((term) => contains(offered, needle(term)));
  return {
    name,
    weight: WEIGHTS[name],
    value: found.length / terms.length,
    reason: `${found.length} of ${terms.length} words of the vacancy's ${name} found${listed(': ', found)}`,
  };
}

function cvReasons(cv: CvText | null): string[] {
  if (cv === null) return ['There is no CV: judged by the profile alone'];
  if ('fault' in cv) return [`The CV could not be read: ${cv.fault}`];
  return says(cv.text) ? [] : ['The CV holds no text; it may be a scan'];
}

function skillsOf({ skills }: { readonly skills?: readonly string[] | null }): string[] {
  return (skills ?? []).filter(says).map((skill) => skill.slice(0, MAX_SKILL_LENGTH));
}

function says(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

function listed(before: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, MAX_NAMED).map((name) => plain(name).slice(0, MAX_NAME_LENGTH).toWellFormed());
  return `${before}${shown.join(', ')}${names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : ''}`;
}

/** What an ATS sent is repeated on one line, without whatever a terminal or a page might obey. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
}
