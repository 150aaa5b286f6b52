import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { rewriteTexts, tidy, tidyDistinct, tidyEmail } from '../events/text';

/** The fields of a candidate that have rules; all others pass through as they are. */
export interface CandidateFields {
  first_name?: string | null;
  last_name?: string | null;
  headline?: string | null;
  location?: string | null;
  linkedin_url?: string | null;
  email?: string | null;
  phone?: string | null;
  skills?: readonly string[] | null;
}

/**
 * The candidate as it is stored and delivered. Takes a whole candidate or a PATCH alike: absent fields stay absent and
 * nulls, which remove a field, stay null. The argument is not changed, and normalising twice changes nothing more.
 */
export function normaliseCandidate<T extends CandidateFields>(fields: T): T {
  const result = rewriteTexts<CandidateFields>(fields, {
    first_name: tidy,
    last_name: tidy,
    headline: tidy,
    location: tidy,
    linkedin_url: (url) => url.normalize('NFC').trim(),
    email: tidyEmail,
    phone: normalisePhone,
  });
  if (result.skills) result.skills = tidyDistinct(result.skills);
  return result as T;
}

const INTERNATIONAL = /^\(?(?:[+＋]|00)/;

// Kept as sent: a national number, whose country would be a guess; an invalid one; and one with an extension, for
// which E.164 has no room. The test for the prefix comes first because parsing costs 20 to 30 µs, also of a refusal.
function normalisePhone(phone: string): string {
  const sent = phone.normalize('NFC').trim();
  if (!INTERNATIONAL.test(sent)) return sent;
  const international = sent.replace(INTERNATIONAL, '+');
  const number = toE164(international);
  if (number === undefined) return sent;
  // Where a trunk prefix was cut off, what is left may again begin with one (Belarus: +375 8 8115…): then it is ambiguous.
  const stable = number === international.replace(/[^+\d]/g, '') || toE164(number) === number;
  return stable ? number : sent;
}

function toE164(phone: string): string | undefined {
  const parsed = parsePhoneNumberFromString(phone, { extract: false });
  return parsed?.isValid() && parsed.ext === undefined ? parsed.number : undefined;
}
