import type { FlowStatus } from '../../delivery-log/flow-trace.service';
import type { Source } from '../../events/inbound';
import type { Tone } from '../page/elements';

export const STATUS_WORDS: Readonly<Record<FlowStatus, { tone: Tone; label: string; sentence: string }>> = {
  accepted: { tone: 'neutral', label: 'Accepted', sentence: 'It is stored and will be processed.' },
  processed: { tone: 'warning', label: 'On its way', sentence: 'It is processed; its result is being delivered.' },
  delivered: { tone: 'success', label: 'Delivered', sentence: 'Your endpoint took the result.' },
  dead: {
    tone: 'danger',
    label: 'Given up',
    sentence: 'Your endpoint did not take the result at any attempt. It can be delivered again.',
  },
  discarded: {
    tone: 'neutral',
    label: 'Discarded',
    sentence: 'An operator took the result out of the queue. It can be delivered again.',
  },
};

export const SOURCE_WORDS: Readonly<Record<Source, string>> = {
  rest: 'over REST',
  webhook: 'as a webhook',
  portal: 'from the portal',
  internal: 'from Carv',
  cli: 'from the command line',
};
