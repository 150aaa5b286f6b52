const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** As the database spells it; null for anything else. */
export function readUuid(asked: unknown): string | null {
  return typeof asked === 'string' && UUID.test(asked) ? asked.toLowerCase() : null;
}
