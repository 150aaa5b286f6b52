import { Module } from '@nestjs/common';
import { InboxModule } from '../inbox/inbox.module';
import { NamedFilesModule } from '../uploads/uploads.module';
import { Entities } from './entities.repository';
import { EntityRequests } from './entity-requests.service';
import { EntityWrites } from './entity-writes.service';

@Module({
  imports: [InboxModule, NamedFilesModule],
  providers: [Entities, EntityRequests, EntityWrites],
  exports: [Entities, EntityRequests, EntityWrites],
})
export class EntitiesModule {}
