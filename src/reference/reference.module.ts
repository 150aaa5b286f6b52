import { Module } from '@nestjs/common';
import { EventTypesModule } from '../event-types/event-types.module';
import { OpsModule } from '../ops/ops.module';
import { DocsController } from './docs.controller';
import { ApiDocument } from './document.service';
import { OpenApiController } from './openapi.controller';

@Module({
  imports: [EventTypesModule, OpsModule],
  controllers: [OpenApiController, DocsController],
  providers: [ApiDocument],
})
export class ReferenceModule {}
