import { Agent, request } from 'undici';
import { eventId } from '../../../src/events/outbound';
import { signatureHeader } from '../../../src/signing/signature';
import { standardWebhookHeaders } from '../../../src/signing/standard-webhooks';
import { outgoingSecret } from '../accounts';

/** A webhook that one of the peers is to send. */
export interface DueWebhook {
  readonly atsId: string;
  readonly referenceId: string;
  readonly event: string;
  readonly body: string;
}

const agent = new Agent({ pipelining: 1 });

/** Signs and posts with the gateway's own headers, and reads the answer. @throws Error unless it is 200 */
export async function post(origin: string, due: DueWebhook): Promise<{ durationMs: number; signature: string }> {
  const secrets = [secretOf(due.atsId)];
  const body = Buffer.from(due.body);
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = signatureHeader(secrets, timestamp, body);
  const begun = performance.now();
  const response = await request(`${origin}/${due.atsId}`, {
    dispatcher: agent,
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'User-Agent': 'CarvOS-Webhooks/1',
      'X-Carv-Causation-ID': due.referenceId,
      'X-Carv-Event': due.event,
      ...standardWebhookHeaders(eventId(due.referenceId), secrets, timestamp, body),
      'X-Webhook-Signature': signature,
    },
    body,
    signal: AbortSignal.timeout(5000),
  });
  await response.body.text();
  if (response.statusCode !== 200) throw new Error(`The receiver answered ${response.statusCode}`);
  return { durationMs: Math.round(performance.now() - begun), signature };
}

/** At most `limit` at a time. */
export async function eachOf<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, run));
}

const secrets = new Map<string, string>();

function secretOf(atsId: string): string {
  const known = secrets.get(atsId);
  if (known !== undefined) return known;
  const secret = outgoingSecret(atsId);
  secrets.set(atsId, secret);
  return secret;
}
