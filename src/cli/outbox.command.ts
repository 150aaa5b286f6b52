import type { INestApplicationContext } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.service';
import { OutboxOperations } from '../outbox/outbox-operations.service';
import { referenceId, required, UsageError, type Command, type Options, type Output } from './command';

export const outboxCommands: Record<string, Command> = {
  'outbox stats': {
    usage: '',
    summary: 'counts the messages of each account',
    run: async (app) => ({ accounts: await app.get(OutboxOperations).stats() }),
  },
  'outbox redeliver': {
    usage: '<reference_id> | --ats-id … --dead-since 2026-02-25T10:30:00Z',
    summary: 'makes a pending message due now, or delivers again a settled one, or all that died since a time',
    run: (app, options, argument) =>
      argument === '' ? redeliverDead(app, options) : redeliver(app.get(OutboxOperations), argument),
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

async function redeliver(operations: OutboxOperations, argument: string): Promise<Output> {
  const id = referenceId(argument);
  return { reference_id: id, result: await operations.redeliver(id) };
}

async function redeliverDead(app: INestApplicationContext, options: Options): Promise<Output> {
  const since = new Date(required(options, 'dead-since'));
  if (Number.isNaN(since.getTime())) throw new UsageError('--dead-since is a time such as 2026-02-25T10:30:00Z');
  const atsId = required(options, 'ats-id');
  await app.get(Accounts).find(atsId);
  const say = (n: number) => process.stderr.write(`${n} queued again\n`);
  const count = await app.get(OutboxOperations).redeliverDead(atsId, since, say);
  return { ats_id: atsId, queued: count };
}
