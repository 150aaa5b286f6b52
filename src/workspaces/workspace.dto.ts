import { IsString, Matches, MaxLength } from 'class-validator';
import { IsEmailAddress } from '../http/email';
import { IsVisibleId } from '../http/visible-id';

const NOT_EMPTY = { message: 'must not be empty' };

/** The provisioning of a workspace, as `POST /v1/workspaces` and the event `workspace.created` bring it. */
export class WorkspaceDto {
  @IsVisibleId()
  client_id!: string;

  @IsString()
  @MaxLength(500)
  @Matches(/\S/, NOT_EMPTY)
  name!: string;

  @IsString()
  @MaxLength(500)
  @Matches(/\S/, NOT_EMPTY)
  admin_name!: string;

  @IsEmailAddress()
  admin_email!: string;
}

/** A member of a workspace, as `POST /v1/workspaces/{client_id}/members` and `workspace.member_added` bring it. */
export class MemberDto {
  @IsVisibleId()
  user_id!: string;

  @IsString()
  @MaxLength(500)
  @Matches(/\S/, NOT_EMPTY)
  name!: string;

  @IsEmailAddress()
  email!: string;
}
