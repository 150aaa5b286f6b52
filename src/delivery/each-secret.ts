import type { Sent } from './sender';

/** Answers of a receiver that could not verify the signature. */
const UNVERIFIED: ReadonlySet<number> = new Set([401, 403]);

/**
 * Published receiver code looks at the last signature only, and during a rotation nobody knows by which secret it verifies.
 * So where it refuses, the same is sent again with each other live secret last.
 *
 * @param send signs by these, in this order
 * @returns the sending that counts, and the secret whose signature stood last in it
 */
export async function withEachSecretLast<Secret>(
  secrets: readonly Secret[],
  send: (order: readonly Secret[]) => Promise<Sent>,
): Promise<{ sent: Sent; last: Secret | undefined }> {
  const order = [...secrets];
  for (let tries = 1; ; tries++) {
    const sent = await send(order);
    const refused = sent.outcome.kind === 'answer' && UNVERIFIED.has(sent.outcome.statusCode);
    if (!refused || tries >= order.length) return { sent, last: order.at(-1) };
    order.unshift(...order.splice(-1));
  }
}
