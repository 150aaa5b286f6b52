import { Module } from '@nestjs/common';
import { InboxModule } from '../inbox/inbox.module';
import { WorkspacesController } from './workspaces.controller';
import { WorkspaceHandlers } from './workspaces.handlers';
import { WorkspacesRepository } from './workspaces.repository';

@Module({
  providers: [WorkspaceHandlers, WorkspacesRepository],
  exports: [WorkspaceHandlers, WorkspacesRepository],
})
export class WorkspacesModule {}

@Module({ imports: [WorkspacesModule, InboxModule], controllers: [WorkspacesController] })
export class WorkspacesApiModule {}
