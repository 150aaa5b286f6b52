import { STATUS_CODES } from 'node:http';
import type { Fault } from '../../delivery/outcome';

const FAULTS: Readonly<Record<Fault, string>> & Readonly<Record<string, string | undefined>> = {
  timeout: 'It did not answer in time.',
  dns: 'The name in the URL could not be found.',
  tls: 'No secure connection could be made: its certificate is missing, expired or for another name.',
  connection: 'The connection was refused or broke off.',
  address_refused: 'This address is not reachable from the gateway.',
};

const STATUSES: Readonly<Record<number, string | undefined>> = {
  401: 'It refused the signature, or asks for credentials: check the outgoing secret on its side.',
  403: 'It refused the request: check the outgoing secret on its side, and any firewall in front of it.',
  404: 'There is nothing at this URL: check its path.',
  405: 'It does not take POST requests at this URL.',
  410: 'It said that it is gone for good.',
  429: 'It asked for fewer requests.',
};

/** What an endpoint's answer, or its silence, means for whoever has to mend it. */
export function plainWords(statusCode: number | null, fault: string | null): string {
  if (statusCode === null) return FAULTS[fault ?? ''] ?? 'It did not answer.';
  const answered = `It answered ${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
  return `${answered}. ${STATUSES[statusCode] ?? generally(statusCode)}`.trim();
}

function generally(statusCode: number): string {
  if (statusCode < 300) return '';
  if (statusCode < 400) return 'Redirects are not followed: give the final URL.';
  return statusCode < 500 ? 'It refused the request.' : 'Something failed on its side.';
}
