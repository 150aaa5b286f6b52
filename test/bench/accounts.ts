import { createHash } from 'node:crypto';
import { hashApiKey } from '../../src/accounts/api-key';
import { SecretBox } from '../../src/accounts/secret-box';
import type { BenchDatabase } from './bench-database';
import type { Target } from './peers/load';

export const ENCRYPTION_KEY = '07'.repeat(32);
/** The one workspace of every account. */
export const CLIENT_ID = 'client-1';
/** An account whose endpoint takes every request and answers none. */
export const HANGING = 'hanging';

export function atsIds(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `bench-${String(n).padStart(3, '0')}`);
}

/** Accounts have the same credentials in every database, so nothing need be told of them. */
export function outgoingSecret(atsId: string): string {
  return `whsec_${createHash('sha256').update(atsId).digest('base64')}`;
}

export function targets(count: number): Target[] {
  return atsIds(count).map((atsId) => ({ apiKey: apiKey(atsId), clientId: CLIENT_ID }));
}

/** @param origin of the receiver, at which every account has a path of its own */
export async function makeAccounts(database: BenchDatabase, ids: readonly string[], origin: string): Promise<void> {
  const box = new SecretBox(Buffer.from(ENCRYPTION_KEY, 'hex'));
  await database.query(
    `with t as (select * from unnest($1::text[], $2::bytea[], $3::bytea[]) as t(ats_id, hash, sealed)),
          a as (insert into account (ats_id, name, api_key_hash) select ats_id, ats_id, hash from t),
          e as (insert into endpoint (ats_id, url) select ats_id, $4 || '/' || ats_id from t),
          s as (insert into account_secret (ats_id, direction, sealed) select ats_id, 'outgoing', sealed from t)
     insert into workspace (ats_id, client_id, name, provisioned_at, updated_at) select ats_id, $5, ats_id, now(), now() from t`,
    [ids, ids.map((id) => hashApiKey(apiKey(id))), ids.map((id) => box.seal(outgoingSecret(id))), origin, CLIENT_ID],
  );
}

function apiKey(atsId: string): string {
  return `carv_bench_${atsId}`;
}
