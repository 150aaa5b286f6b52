const HOME = '/portal';

/** A path of the portal that a request asked to be sent back to; anything else is the portal's first page. */
export function returnPath(asked: unknown): string {
  if (typeof asked !== 'string' || asked.length > 500 || !/^\/portal([/?]|$)/.test(asked)) return HOME;
  // What a browser would read as another host, or a header as another line.
  if (/[^\x21-\x7e]|\\/.test(asked)) return HOME;
  const url = new URL(asked, 'http://portal.invalid');
  const inside = url.host === 'portal.invalid' && /^\/portal(\/|$)/.test(url.pathname);
  return inside && !/^\/portal\/(sign-in|sign-out)/.test(url.pathname) ? url.pathname + url.search : HOME;
}
