import { Injectable } from '@nestjs/common';
import { succeeded } from '../events/results';
import { tidy, tidyEmail } from '../events/text';
import type { Handler } from '../inbox/handler';
import type { MemberDto, WorkspaceDto } from './workspace.dto';
import { WorkspacesRepository, type Member, type Workspace } from './workspaces.repository';

@Injectable()
export class WorkspaceHandlers {
  constructor(private readonly workspaces: WorkspacesRepository) {}

  /** Of several provisionings of one workspace the last one counts. */
  readonly provision: Handler = async (tx, writes) => {
    const rows = new Map<string, Workspace>();
    const results = writes.map((write) => {
      const data = normaliseWorkspace(write.payload as WorkspaceDto);
      const { atsId, clientId } = write;
      rows.set(JSON.stringify([atsId, clientId]), {
        atsId,
        clientId,
        name: data.name,
        adminName: data.admin_name,
        adminEmail: data.admin_email,
      });
      return succeeded(write, 'workspace.provisioned', data);
    });
    await this.workspaces.save([...rows.values()], tx);
    return results;
  };

  /** A member that exists already is updated. */
  readonly addMember: Handler = async (tx, writes) => {
    const rows = new Map<string, Member>();
    const results = writes.map((write) => {
      const data = normaliseMember(write.payload as MemberDto);
      const { atsId, clientId } = write;
      const member = { atsId, clientId, userId: data.user_id, name: data.name, email: data.email };
      rows.set(JSON.stringify([atsId, clientId, data.user_id]), member);
      return succeeded(write, 'workspace.member_added', data);
    });
    await this.workspaces.saveMembers([...rows.values()], tx);
    return results;
  };
}

function normaliseWorkspace(dto: WorkspaceDto): WorkspaceDto {
  return {
    client_id: dto.client_id,
    name: tidy(dto.name),
    admin_name: tidy(dto.admin_name),
    admin_email: tidyEmail(dto.admin_email),
  };
}

function normaliseMember(dto: MemberDto): MemberDto {
  return { user_id: dto.user_id, name: tidy(dto.name), email: tidyEmail(dto.email) };
}
