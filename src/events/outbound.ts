/** The fourteen events that accounts receive (contract, section 8). */
export type OutboundEventType =
  | `${'candidate' | 'vacancy' | 'application'}.${'created' | 'updated' | 'deleted'}`
  | `meeting.${'transcript_ready' | 'summary_ready' | 'notes_ready'}`
  | 'workspace.provisioned'
  | 'workspace.member_added';

/** Why a write came to nothing; `message` is for the ATS's developers. */
export interface ResultError {
  code: 'not_found' | 'unknown_candidate' | 'unknown_vacancy' | 'file_unavailable' | 'internal_error';
  message: string;
}

/** The one outcome of a flow. */
export interface Result {
  readonly referenceId: string;
  readonly atsId: string;
  readonly clientId: string;
  readonly event: OutboundEventType;
  /** Results with the same key are delivered in the order in which they were appended. */
  readonly entityKey: string;
  readonly error: ResultError | null;
  /** The whole normalised entity; on an error, and for deletes, its ids only. */
  readonly data: object;
  /** Its data is not complete: it keeps its place in the queue, and is neither stored nor sent before its score is in it. */
  readonly awaitsScore?: true;
}

/** The outgoing event's id: one flow has one result, so the flow's id names it (docs/decisions.md). */
export function eventId(referenceId: string): string {
  return `evt_${referenceId.replaceAll('-', '')}`;
}

/**
 * The body of the outgoing webhook; stored once, so that its bytes are the same on every attempt.
 *
 * @param at milliseconds since 1970
 */
export function toEnvelope(result: Result, at: number): string {
  return JSON.stringify({
    event: result.event,
    event_id: eventId(result.referenceId),
    reference_id: result.referenceId,
    client_id: result.clientId,
    timestamp: `${new Date(at).toISOString().slice(0, 19)}Z`,
    status: result.error === null ? 'success' : 'error',
    error: result.error,
    data: result.data,
  });
}
