/** What a page may say of the request before it, by code: the session keeps the code only, so it holds no secret. */
export const FLASHES = {
  'theme.saved': 'Your choice of colours is saved.',
} as const satisfies Record<string, string>;

export type Flash = keyof typeof FLASHES;

export function flashText(code: string | null | undefined): string | null {
  return code != null && Object.hasOwn(FLASHES, code) ? FLASHES[code as Flash] : null;
}
