import { Email, Id, Text } from '../http/fields';

/** The provisioning of a workspace, as `POST /v1/workspaces` and the event `workspace.created` bring it. */
export class WorkspaceDto {
  @Id({ description: "The client's id in the ATS; its workspace is named by it", example: 'your-client-id' })
  client_id!: string;

  @Text(500, { description: "The client's name", example: 'Client One' })
  name!: string;

  @Text(500, { description: 'Who administers the workspace', example: 'Ann Lee' })
  admin_name!: string;

  @Email({ description: "The administrator's e-mail address", example: 'ann.lee@example.com' })
  admin_email!: string;
}

/** A member of a workspace, as `POST /v1/workspaces/{client_id}/members` and `workspace.member_added` bring it. */
export class MemberDto {
  @Id({ description: "The member's id in the ATS", example: 'your-user-id' })
  user_id!: string;

  @Text(500, { description: "The member's name", example: 'Bo Park' })
  name!: string;

  @Email({ description: "The member's e-mail address", example: 'bo.park@example.com' })
  email!: string;
}
