import type { Write } from '../events/inbound';
import type { Result } from '../events/outbound';
import type { Tx } from '../database/database';

/**
 * Applies writes in the order given and returns one result for each, in that order. A handler works on sets: the writes
 * come from many workspaces at once, and a workspace's come in the order in which they were accepted.
 *
 * It publishes nothing; what it returns is stored and delivered by its caller, in the same transaction. A fault that is
 * the ATS's to know about is a result with an `error`. Whatever it throws makes the batch be halved and tried again.
 */
export type Handler = (tx: Tx, writes: readonly Write[]) => Promise<Result[]>;
