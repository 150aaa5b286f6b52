import { lookup } from 'node:dns/promises';

/** Every address of a name; rejects, or gives an empty list, when it has none. */
export type Resolve = (host: string) => Promise<string[]>;

/** As the operating system resolves names, hosts file included, in the order of the answer. */
export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

/**
 * Shares one lookup among callers that ask for the same name while it is under way. The system's lookups run on the
 * process's few worker threads (4 unless `UV_THREADPOOL_SIZE` says more), for which one endpoint with slow DNS and many
 * connections to open would otherwise leave the others waiting.
 */
export function coalesced(resolve: Resolve): Resolve {
  const underWay = new Map<string, Promise<string[]>>();
  return (host) => {
    const known = underWay.get(host);
    if (known) return known;
    const answer = resolve(host).finally(() => underWay.delete(host));
    underWay.set(host, answer);
    return answer;
  };
}
