import type { Server, ServerResponse } from 'node:http';

/** A request that is still running has this long to end; connections that were opened and never used count as running. */
const GRACE_MS = 2000;
const IDLE_CHECK_MS = 50;

/**
 * Ends a server without breaking off a request: no new connections, the present ones are told to close with their next
 * answer and closed as soon as they are idle. Node's own `close()` would serve a busy keep-alive connection for ever.
 *
 * @returns what to call once the server has closed
 */
export function drain(server: Server): () => void {
  server.prependListener('request', (_request: unknown, response: ServerResponse) => {
    response.setHeader('Connection', 'close');
  });
  server.close();
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, IDLE_CHECK_MS);
  const grace = setTimeout(() => {
    server.closeAllConnections();
  }, GRACE_MS);
  return () => {
    clearInterval(idle);
    clearTimeout(grace);
  };
}
