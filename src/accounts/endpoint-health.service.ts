import { Injectable } from '@nestjs/common';
import { Database, statement, type Tx } from '../database/database';
import { logger } from '../observability/logger';
import { transition, type Signal } from './circuit-breaker';

/** What one attempt means for its endpoint. */
export interface EndpointEffect extends Signal {
  readonly atsId: string;
  /** Where the attempt went: what an earlier URL answers is not held against the present one. */
  readonly url: string;
  /** The endpoint asked to be left alone for so long; 0: it did not. */
  readonly retryAfterMs: number;
  /** It answered 410: nothing more is to be sent until somebody resumes it. */
  readonly gone: boolean;
  /** The success of an endpoint that was healthy when the attempt began: nothing new, unless it fails by now. */
  readonly usual: boolean;
  /** The secret that it verified, when that was not the one expected. */
  readonly trustedSecretId: string | null;
}

const GONE = 'The endpoint answered 410 Gone';

/** In one order for all workers, so that two of them that settle never wait for each other crosswise. */
const LOCK = statement(
  'endpoint_lock',
  `select ats_id, url, failures_in_row, breaker_pause_ms from endpoint
    where ats_id = any($1::text[]) or (ats_id = any($2::text[]) and failures_in_row > 0)
    order by ats_id for no key update`,
);

/**
 * A success ends the pause of the breaker, but no rest: while an endpoint rests nothing is sent, so what succeeds then had
 * begun before it asked.
 */
const SAVE = statement(
  'endpoint_save_health',
  `update endpoint e
      set failures_in_row = t.failures_in_row, breaker_pause_ms = t.breaker_pause_ms,
          breaker_opened_at = case when t.breaker_pause_ms > 0 then coalesce(e.breaker_opened_at, now()) end,
          paused_until = greatest(case when t.up then '-infinity' else e.paused_until end,
                                  now() + nullif(t.pause_ms, 0) * interval '1 ms'),
          rest_until = greatest(e.rest_until, now() + nullif(t.rest_ms, 0) * interval '1 ms'),
          probe_until = case when t.probed then '-infinity' else e.probe_until end,
          disabled_at = case when t.gone then coalesce(e.disabled_at, now()) else e.disabled_at end,
          disabled_reason = case when t.gone then coalesce(e.disabled_reason, $10) else e.disabled_reason end,
          trusted_secret_id = coalesce(t.trusted_secret_id, e.trusted_secret_id)
     from unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::int[], $6::bool[], $7::bool[], $8::bool[], $9::bigint[])
          t(ats_id, failures_in_row, breaker_pause_ms, pause_ms, rest_ms, up, probed, gone, trusted_secret_id)
    where e.ats_id = t.ats_id`,
);

/** Whoever gets the row may send one probe; the others find the breaker as good as open. In the order of LOCK. */
const TAKE_PROBE = statement(
  'endpoint_take_probe',
  `with rested as (
     select ats_id from endpoint
      where ats_id = any($1::text[]) and breaker_pause_ms > 0
        and paused_until <= now() and rest_until <= now() and probe_until <= now()
      order by ats_id for no key update)
   update endpoint e set probe_until = now() + $2::int * interval '1 ms' from rested where e.ats_id = rested.ats_id
   returning e.ats_id`,
);

const RETURN_PROBE = statement(
  'endpoint_return_probe',
  `with probed as (select ats_id from endpoint where ats_id = any($1::text[]) order by ats_id for no key update)
   update endpoint e set probe_until = '-infinity' from probed where e.ats_id = probed.ats_id`,
);

interface EndpointRow {
  ats_id: string;
  url: string | null;
  failures_in_row: number;
  breaker_pause_ms: number;
}

interface Judged {
  failuresInRow: number;
  pauseMs: number;
  /** For how long the breaker opens now, and how long a rest the endpoint asked for; 0: it does not, or for none. */
  opensForMs: number;
  restMs: number;
  up: boolean;
  probed: boolean;
  gone: boolean;
  trustedSecretId: string | null;
}

/** The health of endpoints, in the database: every replica sees the same breaker. */
@Injectable()
export class EndpointHealth {
  constructor(private readonly database: Database) {}

  /** Applies what attempts told, in their order, in the transaction that settles them. */
  async judge(tx: Tx, effects: readonly EndpointEffect[]): Promise<void> {
    if (effects.length === 0) return;
    const accounts = (usual: boolean) => [...new Set(effects.filter((e) => e.usual === usual).map((e) => e.atsId))];
    const rows = await tx.query<EndpointRow>(LOCK, [accounts(false), accounts(true)]);
    if (rows.length === 0) return;
    const judged = rows.map((row) => ({
      atsId: row.ats_id,
      ...judgeAll(
        { failuresInRow: row.failures_in_row, pauseMs: row.breaker_pause_ms },
        effects.filter((e) => e.atsId === row.ats_id && e.url === row.url),
      ),
    }));
    await tx.query(SAVE, [
      judged.map((j) => j.atsId),
      judged.map((j) => j.failuresInRow),
      judged.map((j) => j.pauseMs),
      judged.map((j) => j.opensForMs),
      judged.map((j) => j.restMs),
      judged.map((j) => j.up),
      judged.map((j) => j.probed),
      judged.map((j) => j.gone),
      judged.map((j) => j.trustedSecretId),
      GONE,
    ]);
    for (const { atsId, opensForMs, restMs, gone, pauseMs } of judged) {
      const pause_ms = Math.max(opensForMs, restMs);
      if (gone) logger.warn({ ats_id: atsId, reason: GONE }, 'endpoint.disabled');
      else if (pause_ms > 0) logger.warn({ ats_id: atsId, pause_ms, breaker: pauseMs > 0 }, 'endpoint.paused');
    }
  }

  /** Of these accounts, whose breakers are open and rested, those that this caller may probe with one message each. */
  async takeProbes(atsIds: readonly string[], leaseMs: number): Promise<Set<string>> {
    if (atsIds.length === 0) return new Set();
    return new Set((await this.database.query<{ ats_id: string }>(TAKE_PROBE, [atsIds, leaseMs])).map((r) => r.ats_id));
  }

  /** Gives back probes for which there was no message. */
  async returnProbes(atsIds: readonly string[]): Promise<void> {
    if (atsIds.length > 0) await this.database.query(RETURN_PROBE, [atsIds]);
  }
}

function judgeAll(before: { failuresInRow: number; pauseMs: number }, effects: readonly EndpointEffect[]): Judged {
  const news = { opensForMs: 0, restMs: 0, up: false, probed: false, gone: false, trustedSecretId: null };
  const judged: Judged = { ...before, ...news };
  for (const effect of effects) {
    const { breaker, opensForMs } = transition(judged, effect);
    Object.assign(judged, breaker);
    judged.up ||= effect.up;
    judged.opensForMs = effect.up ? 0 : Math.max(judged.opensForMs, opensForMs);
    judged.restMs = Math.max(judged.restMs, effect.retryAfterMs);
    judged.probed ||= effect.probe;
    judged.gone ||= effect.gone;
    judged.trustedSecretId = effect.trustedSecretId ?? judged.trustedSecretId;
  }
  return judged;
}
