import { makeHistory } from '../backlog';
import type { Trial } from '../figure';
import { drain } from './delivery';

/** Whether what was delivered before slows down what is delivered now. */
export const history: Trial = {
  figures: [
    {
      name: 'history',
      title: 'Delivery rate with {rows} attempts and flows of history, against none',
      unit: 'webhooks/s',
      of: 'history',
      against: 'none',
      reach: { sense: 'at least', value: 0.9 },
    },
  ],
  sizes: { usual: null, long: { rounds: 7, messages: 20_000, rows: 5_000_000, days: 7 } },
  async prepare(stage, { messages = 0, rows = 0, days = 1 }) {
    const [none, history] = [await stage.database(), await stage.database()];
    await makeHistory(history, rows, days);
    for (const database of [none, history]) await stage.gateway(database, 'worker');
    const receiver = await stage.receiver();
    return { history: () => drain(history, receiver, messages), none: () => drain(none, receiver, messages) };
  },
};
