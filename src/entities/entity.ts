import type { Write } from '../events/inbound';

/** What an ATS keeps in a workspace. Its table has this name, its id the name with `_id` behind it. */
export type EntityName = 'candidate' | 'vacancy' | 'application';

/** Which one, inside which workspace of which account. */
export type EntityKey = Pick<Write, 'atsId' | 'clientId' | 'entityId'>;

/** As text, for maps; unambiguous whatever characters the ids hold. */
export function keyText({ atsId, clientId, entityId }: EntityKey): string {
  return JSON.stringify([atsId, clientId, entityId]);
}
