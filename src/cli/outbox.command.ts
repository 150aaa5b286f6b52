import { OutboxOperations } from '../outbox/outbox-operations.service';
import { referenceId, type Command } from './command';

export const outboxCommands: Record<string, Command> = {
  'outbox stats': {
    usage: '',
    summary: 'counts the messages of each account',
    run: async (app) => ({ accounts: await app.get(OutboxOperations).stats() }),
  },
  'outbox redeliver': {
    usage: '<reference_id>',
    summary: 'makes a pending message due now, or delivers a settled one again',
    async run(app, _options, argument) {
      const id = referenceId(argument);
      return { reference_id: id, result: await app.get(OutboxOperations).redeliver(id) };
    },
  },
  'outbox discard': {
    usage: '<reference_id>',
    summary: 'takes a pending message out of the queue for good',
    async run(app, _options, argument) {
      const id = referenceId(argument);
      await app.get(OutboxOperations).discard(id);
      return { reference_id: id, result: 'discarded' };
    },
  },
};
