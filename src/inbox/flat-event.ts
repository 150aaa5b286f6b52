import { invalid, type FieldFault } from '../errors';
import type { InboundEventType } from '../events/inbound';
import { isObject } from '../http/json';
import { validateBody } from '../http/validate-body';
import type { BodyClass } from '../http/validation-plan';
import { VISIBLE_ID, VISIBLE_ID_RULE } from '../http/visible-id';

/** An event whose fields stand beside its entity's own, understood and validated. */
export interface FlatEvent {
  readonly event: InboundEventType;
  readonly eventId: string;
  readonly clientId: string;
  readonly userId: string | null;
  readonly entityId: string;
  readonly payload: object;
}

type EnvelopeField = 'event' | 'event_id' | 'client_id' | 'user_id';

export interface EventForm {
  /** What the event's own fields must look like. */
  readonly dto: BodyClass;
  /** The field, among the DTO's, that identifies the entity. */
  readonly id: string;
  /** Fields of the envelope that are the entity's own as well. */
  readonly shared?: EnvelopeField;
  /** Whether the event is on behalf of a member, whom `user_id` names. */
  readonly byMember: boolean;
}

const ENVELOPE: readonly EnvelopeField[] = ['event', 'event_id', 'client_id', 'user_id'];

/** @throws {DomainError} 422 naming every field of the envelope, or else of the entity, that is wrong */
export function parseFlatEvent<E extends InboundEventType>(
  forms: Readonly<Record<E, EventForm>>,
  body: unknown,
): FlatEvent {
  if (!isObject(body)) throw invalid([{ field: 'body', message: 'must be a JSON object' }]);
  const event = eventOf(forms, body);
  const form = forms[event];
  const faults: FieldFault[] = [];
  const eventId = id(body, 'event_id', faults);
  const clientId = id(body, 'client_id', faults);
  const userId = form.byMember || body.user_id !== undefined ? id(body, 'user_id', faults) : null;
  if (faults.length > 0) throw invalid(faults);
  const own = Object.fromEntries(
    Object.entries(body).filter(([key]) => !(ENVELOPE as readonly string[]).includes(key) || key === form.shared),
  );
  const payload = validateBody(form.dto, own);
  const entityId = (payload as Record<string, string>)[form.id] as string;
  return { event, eventId, clientId, userId: form.shared === 'user_id' ? null : userId, entityId, payload };
}

/** Own keys only: `constructor` is no event. */
function eventOf<E extends string>(forms: Readonly<Record<E, EventForm>>, body: Record<string, unknown>): E {
  const { event } = body;
  if (typeof event === 'string' && Object.hasOwn(forms, event)) return event as E;
  throw invalid([{ field: 'event', message: event === undefined ? 'is required' : 'is not a known event' }]);
}

function id(body: Record<string, unknown>, field: EnvelopeField, faults: FieldFault[]): string {
  const value = body[field];
  if (typeof value === 'string' && VISIBLE_ID.test(value)) return value;
  faults.push({ field, message: value === undefined ? 'is required' : VISIBLE_ID_RULE });
  return '';
}
