import type { Trial } from './figure';
import { claim } from './trials/claim';
import { delivery } from './trials/delivery';
import { endToEnd } from './trials/end-to-end';
import { memory, snapshot } from './trials/endurance';
import { history } from './trials/history';
import { ingest } from './trials/ingest';
import { idleLatency, ingestLatency } from './trials/latency';
import { partitionDrop } from './trials/partition-drop';
import { quietAccounts } from './trials/quiet-accounts';
import { start } from './trials/start';

/** In the order in which they run and stand in the table. */
export const TRIALS: readonly Trial[] = [
  ingest,
  ingestLatency,
  delivery,
  endToEnd,
  idleLatency,
  claim,
  history,
  partitionDrop,
  snapshot,
  memory,
  quietAccounts,
  start,
];
