import type { Endpoint } from '../../accounts/endpoint.entity';
import type { Tone } from '../page/elements';
import { isFailing, type EndpointCheck } from './endpoint-checks.service';

/** How an endpoint is doing, in a word and a sentence. */
export interface EndpointState {
  readonly name: 'no_url' | 'disabled' | 'paused' | 'failing' | 'healthy';
  readonly tone: Tone;
  readonly label: string;
  readonly sentence: string;
}

type Health = Pick<Endpoint, 'url' | 'disabledAt' | 'disabledReason' | 'failuresInRow' | 'pausedUntil' | 'restUntil'>;

/**
 * @param check what it answered to its last ping, if that URL got one
 * @param now milliseconds since 1970, by the database's clock
 */
export function endpointState(endpoint: Health, check: EndpointCheck | null, now: number): EndpointState {
  const { url, disabledAt, disabledReason, failuresInRow } = endpoint;
  if (url === null) {
    return state('no_url', 'warning', 'No URL', 'Results are kept, and delivered once a webhook URL is set.');
  }
  if (disabledAt !== null) {
    const reason = disabledReason ?? 'It was disabled';
    return state('disabled', 'danger', 'Disabled', `${reason}. Results are kept until deliveries are resumed.`);
  }
  const [pausedTill, restTill] = [time(endpoint.pausedUntil), time(endpoint.restUntil)];
  const till = Math.max(pausedTill, restTill);
  if (till > now) {
    const row = failuresInRow > 1 ? `${failuresInRow} deliveries in a row failed` : 'Deliveries failed';
    const why = restTill > pausedTill ? 'The endpoint asked for a rest (Retry-After)' : row;
    const sentence = `${why}. Nothing is lost: what waits is sent afterwards, by itself.`;
    return state('paused', 'danger', `Paused until ${clockTime(till, now)}`, sentence);
  }
  if (failuresInRow > 0) {
    const count = failuresInRow === 1 ? 'The last delivery failed' : `The last ${failuresInRow} deliveries failed`;
    return state('failing', 'warning', 'Failing', `${count}. They are tried again by themselves.`);
  }
  if (check !== null && isFailing(check)) {
    return state('failing', 'warning', 'Ping failed', 'The last ping failed, and nothing was delivered since.');
  }
  return state('healthy', 'success', 'Healthy', 'No delivery is failing.');
}

function state(name: EndpointState['name'], tone: Tone, label: string, sentence: string): EndpointState {
  return { name, tone, label, sentence };
}

/** -Infinity where it was never set. */
function time(at: Date | number): number {
  return at instanceof Date ? at.getTime() : at;
}

/** With its day, when that is another. */
function clockTime(at: number, now: number): string {
  const [iso, today] = [new Date(at).toISOString(), new Date(now).toISOString()];
  return `${iso.slice(0, 10) === today.slice(0, 10) ? '' : `${iso.slice(0, 10)} `}${iso.slice(11, 19)} UTC`;
}
