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

type Health = Pick<Endpoint, 'url' | 'disabledAt' | 'disabledReason' | 'failuresInRow' | 'pausedUntil'>;

/**
 * @param check what it answered to its last ping, if that URL got one
 * @param now milliseconds since 1970, by the database's clock
 */
export function endpointState(endpoint: Health, check: EndpointCheck | null, now: number): EndpointState {
  const { url, disabledAt, disabledReason, failuresInRow, pausedUntil } = endpoint;
  if (url === null) {
    return state('no_url', 'warning', 'No URL', 'Results are kept, and delivered once a webhook URL is set.');
  }
  if (disabledAt !== null) {
    const reason = disabledReason ?? 'It was disabled';
    return state('disabled', 'danger', 'Disabled', `${reason}. Results are kept until deliveries are resumed.`);
  }
  if (pausedUntil instanceof Date && pausedUntil.getTime() > now) {
    const until = `${pausedUntil.toISOString().slice(11, 19)} UTC`;
    const why = failuresInRow > 0 ? `${failuresInRow} deliveries in a row failed` : 'The endpoint asked for a rest';
    return state('paused', 'danger', `Paused until ${until}`, `${why}. Deliveries are tried again by themselves.`);
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
