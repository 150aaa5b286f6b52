/** A time as ISO 8601 in UTC with its microseconds, since ETag and cursor must tell any two versions apart. */
export function isoTime(column: string, name: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ${name}`;
}
