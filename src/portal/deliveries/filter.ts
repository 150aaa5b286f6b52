import { INBOUND } from '../../events/inbound';

const DIRECTIONS = ['outgoing', 'incoming'] as const;
const OUTCOMES = ['success', 'failure', 'error'] as const;

export type Direction = (typeof DIRECTIONS)[number];
export type AttemptOutcome = (typeof OUTCOMES)[number];

/** Which attempts are shown; null: whichever. */
export interface Filter {
  readonly direction: Direction | null;
  readonly outcome: AttemptOutcome | null;
  readonly event: string | null;
}

/** Of both directions, and what a URL is tried out with. */
export const EVENTS: readonly string[] = [
  ...new Set(Object.entries(INBOUND).flatMap(([event, { asks }]) => [event, asks])),
  'ping',
].toSorted();

/** What is none of the choices counts as none chosen, as in a link that somebody has shortened. */
export function readFilter(query: Readonly<Record<string, unknown>>): Filter {
  return {
    direction: oneOf(DIRECTIONS, query.direction),
    outcome: oneOf(OUTCOMES, query.outcome),
    event: oneOf(EVENTS, query.event),
  };
}

export function isNarrow({ direction, outcome, event }: Filter): boolean {
  return direction !== null || outcome !== null || event !== null;
}

/** The list under this filter. @param before the attempt that it begins behind */
export function listUrl(filter: Filter, before: string | null): string {
  const chosen = Object.entries({ ...filter, before }).filter(([, value]) => value !== null) as [string, string][];
  const query = new URLSearchParams(chosen).toString();
  return `/portal/deliveries${query === '' ? '' : `?${query}`}`;
}

function oneOf<T extends string>(choices: readonly T[], asked: unknown): T | null {
  return choices.find((choice) => choice === asked) ?? null;
}
