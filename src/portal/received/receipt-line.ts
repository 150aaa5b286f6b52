import type { Receipt } from '../../dev-receiver/receipts.service';
import { readUuid } from '../../events/uuid';

/** What is worth a line of something that anybody may have sent. */
export interface ReceiptLine {
  readonly at: string;
  readonly verified: boolean;
  readonly event: string;
  /** Whom or what it is about: a name, else an id. */
  readonly about: string | null;
  readonly referenceId: string | null;
}

const MAX_LENGTH = 120;
const NAMES = ['title', 'name', 'candidate_id', 'vacancy_id', 'application_id', 'meeting_id', 'user_id'] as const;

export function receiptLine({ received_at, verified, body }: Receipt): ReceiptLine {
  const { event, reference_id, data } = members(body);
  return {
    at: received_at,
    verified,
    event: text(event) ?? 'something else',
    about: aboutOf(members(data)),
    referenceId: readUuid(reference_id),
  };
}

function aboutOf(data: Readonly<Record<string, unknown>>): string | null {
  const person = [text(data.first_name), text(data.last_name)].filter((part) => part !== null).join(' ');
  if (person !== '') return person;
  return NAMES.map((name) => text(data[name])).find((found) => found !== null) ?? null;
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_LENGTH) : null;
}
