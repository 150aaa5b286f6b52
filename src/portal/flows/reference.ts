import { readUuid } from '../../events/uuid';

/** What comes along when an id is copied out of a log or a mail. */
const AROUND = /^[\s\p{Cf}"'`<({[]+|[\s\p{Cf}"'`>)}\],;.]+$/gu;
const EVENT_ID = /^evt_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;

/** A reference id as people paste it, or the event id of its result, which names the same flow. Null for neither. */
export function readReference(pasted: string): string | null {
  const text = pasted.replace(AROUND, '');
  return readUuid(text.replace(EVENT_ID, '$1-$2-$3-$4-$5'));
}
