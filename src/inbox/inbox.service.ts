import { Injectable } from '@nestjs/common';
import type { Caller } from '../accounts/credential';
import { fileNamedBy, INBOUND, type InboundEventType, type Source } from '../events/inbound';
import { Clock } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS } from '../database/database';
import { DomainError, invalid, unauthorized, unprovisioned } from '../errors';
import { flowsAccepted } from '../observability/metrics';
import { WakeUp } from '../queue/wake-up.service';
import { ACCEPT, ACCEPT_WITH_FILES, BOUND_TO, type Verdict } from './accept.sql';
import { GroupCommit } from '../queue/group-commit';

/** `startedAt` by `performance.now()`. */
export interface IncomingWebhook {
  readonly signature: string;
  readonly headers: Record<string, string>;
  readonly startedAt: number;
}

/** A write that was validated and is ready to become durable. */
export interface AcceptRequest {
  readonly caller: Caller;
  readonly clientId: string;
  readonly userId: string | null;
  readonly source: Source;
  readonly event: InboundEventType;
  readonly entityId: string;
  readonly payload: object;
  /** `field` is what the caller called the key, for the refusal that names it. */
  readonly idempotency: { readonly key: string; readonly fingerprint: Buffer; readonly field: string } | null;
  /** The delivery log's side of an incoming webhook; null for every other source. */
  readonly incoming: IncomingWebhook | null;
}

/** `repeated`: the idempotency key was known, and nothing new was written. */
export interface Accepted {
  readonly referenceId: string;
  readonly repeated: boolean;
}

interface Row extends AcceptRequest {
  readonly referenceId: string;
  readonly json: string;
}

/** The gateway's front door: what `accept` resolved is committed and will have exactly one result. */
@Injectable()
export class Inbox {
  private readonly commits: GroupCommit<Row, Accepted>;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly wakeUp: WakeUp,
  ) {
    this.commits = new GroupCommit<Row, Accepted>((rows) => this.flush(rows));
  }

  /**
   * Makes the write durable, or finds the flow that the same idempotency key made before.
   *
   * @throws {DomainError} `unauthorized`; `conflict` without a workspace; `invalid` when the key was used for another
   *   request; `unavailable` when the database did not confirm: whether it accepted is then not known.
   */
  accept(request: AcceptRequest): Promise<Accepted> {
    const row: Row = { ...request, referenceId: this.clock.uuidv7(), json: JSON.stringify(request.payload) };
    return this.commits.add(row, row.json.length);
  }

  private async flush(rows: readonly Row[]): Promise<(Accepted | DomainError)[]> {
    const files = rows.map((row) => fileNamedBy(row.payload));
    const plain = files.every((id) => id === null);
    const columns = this.columns(rows);
    if (!plain)
      columns.push(
        files,
        rows.map((row) => INBOUND[row.event].entity),
      );
    const sql = plain ? ACCEPT : ACCEPT_WITH_FILES;
    const verdicts = await this.database.query<{ verdict: Verdict }>(sql, columns, REQUEST_DEADLINE_MS);
    this.wakeUp.hint('inbox');
    const bound = await this.boundTo(rows.filter((_, i) => verdicts[i]?.verdict === 'repeated'));
    return rows.map((row, i) => {
      switch (verdicts[i]?.verdict) {
        case 'accepted':
          flowsAccepted.inc({ source: row.source });
          return { referenceId: row.referenceId, repeated: false };
        case 'repeated':
          return bound.get(row) ?? expired();
        case 'unprovisioned':
          return unprovisioned();
        default:
          return unauthorized();
      }
    });
  }

  private async boundTo(rows: readonly Row[]): Promise<Map<Row, Accepted | DomainError>> {
    if (rows.length === 0) return new Map();
    const found = await this.database.query<{ index: number; reference_id: string; fingerprint: Buffer }>(
      BOUND_TO,
      [
        rows.map((r) => r.caller.atsId),
        rows.map((r) => r.clientId),
        rows.map((r) => r.source),
        rows.map((r) => r.idempotency?.key),
      ],
      REQUEST_DEADLINE_MS,
    );
    return new Map(
      found.flatMap(({ index, reference_id, fingerprint }) => {
        const row = rows[index];
        if (row?.idempotency == null) return [];
        const same = fingerprint.equals(row.idempotency.fingerprint);
        return [[row, same ? { referenceId: reference_id, repeated: true } : reused(row.idempotency.field)]];
      }),
    );
  }

  /** In the order of the statement's parameters. */
  private columns(rows: readonly Row[]): unknown[] {
    return [
      rows.map((r) => r.referenceId),
      rows.map((r) => r.caller.atsId),
      rows.map((r) => r.clientId),
      rows.map((r) => r.userId),
      rows.map((r) => r.source),
      rows.map((r) => r.event),
      rows.map((r) => r.entityId),
      rows.map((r) => r.json),
      rows.map((r) => (r.caller.credential.kind === 'api-key' ? r.caller.credential.hash : null)),
      rows.map((r) => (r.caller.credential.kind === 'webhook-secret' ? r.caller.credential.id : null)),
      rows.map((r) => r.idempotency?.key ?? null),
      rows.map((r) => r.idempotency?.fingerprint ?? null),
      rows.map((r) => (r.incoming === null ? null : this.clock.uuidv7())),
      rows.map((r) => r.incoming?.signature ?? null),
      rows.map((r) => (r.incoming === null ? null : JSON.stringify(r.incoming.headers))),
      rows.map((r) => (r.incoming === null ? null : Math.round(performance.now() - r.incoming.startedAt))),
    ];
  }
}

function reused(field: string): DomainError {
  return invalid([{ field, message: 'was used before with another request' }]);
}

/** The binding expired between the two statements: the caller's repetition will be a new write. */
function expired(): DomainError {
  return new DomainError('unavailable', 'Please repeat the request', [], 1);
}
