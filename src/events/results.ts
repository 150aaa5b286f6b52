import { INBOUND, type Write } from './inbound';
import type { OutboundEventType, Result, ResultError } from './outbound';

/** @param data the whole normalised entity; for deletes, its id */
export function succeeded(write: Write, event: OutboundEventType, data: object): Result {
  return { ...identify(write), event, error: null, data };
}

/** The write came to nothing: the event is the one it asked for, the data its id only. */
export function failed(write: Write, error: ResultError): Result {
  const { id, asks } = INBOUND[write.event];
  return { ...identify(write), event: asks, error, data: { [id]: write.entityId } };
}

/** Names the entity inside its account; the results of one key are delivered in their order. */
export function entityKey({ clientId, event, entityId }: Pick<Write, 'clientId' | 'event' | 'entityId'>): string {
  // As JSON: joined by any character, two ids might read like two others.
  return JSON.stringify([clientId, INBOUND[event].entity, entityId]);
}

function identify(write: Write): Pick<Result, 'referenceId' | 'atsId' | 'clientId' | 'entityKey'> {
  const { referenceId, atsId, clientId } = write;
  return { referenceId, atsId, clientId, entityKey: entityKey(write) };
}
