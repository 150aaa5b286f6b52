import { Accounts } from '../accounts/accounts.service';
import { VISIBLE_ID, VISIBLE_ID_RULE } from '../http/visible-id';
import { WorkspacesRepository } from '../workspaces/workspaces.repository';
import { optional, required, UsageError, type Command } from './command';

export const workspaceCommands: Record<string, Command> = {
  'workspace provision': {
    usage: '--ats-id … --client-id … --name … [--admin-name …] [--admin-email …]',
    summary: 'opens a workspace at once, or updates it; sends no event',
    async run(app, options) {
      const atsId = required(options, 'ats-id');
      const clientId = required(options, 'client-id');
      if (!VISIBLE_ID.test(clientId)) throw new UsageError(`--client-id ${VISIBLE_ID_RULE}`);
      const name = required(options, 'name');
      await app.get(Accounts).find(atsId);
      const adminName = optional(options, 'admin-name');
      const adminEmail = optional(options, 'admin-email');
      await app.get(WorkspacesRepository).provision([{ atsId, clientId, name, adminName, adminEmail }]);
      return { ats_id: atsId, client_id: clientId, name };
    },
  },
};
