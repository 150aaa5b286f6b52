import { Module, type DynamicModule } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { ConfigModule } from '../config/config.module';
import type { Env } from '../config/env';
import { DatabaseModule } from '../database/database.module';
import { DeliveryLogModule } from '../delivery-log/delivery-log.module';
import { OutboxModule } from '../outbox/outbox.module';
import { WorkspacesModule } from '../workspaces/workspaces.module';

/** What the commands need: no HTTP, no poller. */
@Module({})
export class CliModule {
  static of(env: Env): DynamicModule {
    return {
      module: CliModule,
      imports: [
        ConfigModule.of(env),
        DatabaseModule,
        AccountsModule,
        WorkspacesModule,
        OutboxModule,
        DeliveryLogModule,
      ],
    };
  }
}
