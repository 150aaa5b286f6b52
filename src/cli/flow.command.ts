import { FlowTraces } from '../delivery-log/flow-trace.service';
import { DomainError } from '../errors';
import { referenceId, type Command } from './command';

export const flowCommands: Record<string, Command> = {
  'flow show': {
    usage: '<reference_id>',
    summary: 'shows a flow from end to end',
    async run(app, _options, argument) {
      const trace = await app.get(FlowTraces).find(referenceId(argument), null);
      if (trace === null) throw new DomainError('not_found', `There is no flow ${argument}`);
      return { ...trace };
    },
  },
};
