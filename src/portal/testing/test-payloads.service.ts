import { Injectable } from '@nestjs/common';
import { Clock } from '../../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';
import { DomainError, type FieldFault } from '../../errors';
import { EventFaults } from '../../event-types/event-faults.service';
import { EventTypes, type EventType } from '../../event-types/event-types.service';
import { eventId } from '../../events/outbound';
import { isObject, parseJson } from '../../http/json';
import type { Test } from '../endpoint/test-sends.service';

/** However it is encoded, a form that holds so much stays below the limit of a request. */
export const MAX_PAYLOAD_KIB = 256;

/** Longer texts, in UTF-16 units, are told their first fault only. */
const ALL_FAULTS_UP_TO = 32_768;

/** What stands in a sample in place of what only sending makes. */
const SET_WHEN_SENT = '(set when sent)';

const FIND_CLIENT = statement(
  'portal_testing_find_client',
  'select client_id from workspace where ats_id = $1 order by client_id limit 1',
);

/** The event that somebody has chosen, and which of its samples. */
export interface Choice {
  readonly type: EventType;
  readonly sample: 'success' | 'error';
}

export type Reading = { readonly test: Test } | { readonly status: number; readonly faults: readonly FieldFault[] };

/** The bodies of events that people write to try their endpoint out. */
@Injectable()
export class TestPayloads {
  constructor(
    private readonly types: EventTypes,
    private readonly faults: EventFaults,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  all(): EventType[] {
    return this.types.all();
  }

  /** @throws {DomainError} `not_found` for what is no event: its name would stand in a header */
  choose(event: unknown, sample: unknown): Choice {
    const type = this.types.find(typeof event === 'string' ? event : 'candidate.created');
    if (type === undefined) throw new DomainError('not_found', 'There is no such event');
    return { type, sample: sample === 'error' ? 'error' : 'success' };
  }

  /** The sample as text, about a workspace of this account if it has one. */
  async sample(atsId: string, { type, sample }: Choice): Promise<string> {
    const [row] = await this.database.query<{ client_id: string }>(FIND_CLIENT, [atsId], REQUEST_DEADLINE_MS);
    const { data, ...envelope } = type.samples[sample] as { data: object };
    const own = row && { client_id: row.client_id };
    const made = { event_id: SET_WHEN_SENT, reference_id: SET_WHEN_SENT, timestamp: SET_WHEN_SENT };
    const ownData = { ...data, ...('client_id' in data && own) };
    return JSON.stringify({ ...envelope, ...own, ...made, data: ownData }, null, 2);
  }

  /** What would be sent: the text without its spaces, as the event of a flow that does not exist. */
  read(type: EventType, text: string): Reading {
    if (Buffer.byteLength(text) > MAX_PAYLOAD_KIB * 1024) {
      return { status: 413, faults: [{ field: 'body', message: `must not be larger than ${MAX_PAYLOAD_KIB} KiB` }] };
    }
    const read = parse(text);
    if ('faults' in read) return { status: 422, faults: read.faults };
    const referenceId = this.clock.uuidv7();
    const body = isObject(read.value) ? { ...read.value, ...this.stamp(referenceId) } : read.value;
    const faults = this.faults.find(type, body, text.length > ALL_FAULTS_UP_TO ? 'first' : 'all');
    if (faults.length > 0) return { status: 422, faults };
    return { test: { event: type.event, referenceId, body: Buffer.from(JSON.stringify(body)) } };
  }

  /** New with each sending, so that no receiver takes it for an event that it has or awaits. */
  private stamp(referenceId: string): object {
    return {
      event_id: eventId(referenceId),
      reference_id: referenceId,
      timestamp: `${new Date(this.clock.now()).toISOString().slice(0, 19)}Z`,
    };
  }
}

function parse(text: string): { value: unknown } | { faults: readonly FieldFault[] } {
  try {
    return { value: parseJson(Buffer.from(text)) };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { faults: error.faults.length > 0 ? error.faults : [{ field: 'body', message: syntaxFault(text) }] };
  }
}

/** In the words of the parser, which say where. */
function syntaxFault(text: string): string {
  try {
    JSON.parse(text);
    return 'is not valid JSON';
  } catch (error) {
    const { message } = error as SyntaxError;
    const position = /at position (\d+)/.exec(message)?.[1];
    const line = position === undefined ? null : text.slice(0, Number(position)).split('\n').length;
    return `is not valid JSON${line === null ? '' : ` in line ${line}`}: ${message}`;
  }
}
