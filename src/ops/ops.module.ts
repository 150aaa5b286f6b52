import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { OutboxModule } from '../outbox/outbox.module';
import { WorkspacesModule } from '../workspaces/workspaces.module';
import { DemoAccount } from './demo-account.service';
import { HealthController } from './health.controller';
import { MetricsController } from './metrics.controller';
import { Readiness } from './readiness';
import { Retention } from './retention.service';

@Module({
  imports: [AccountsModule, OutboxModule, WorkspacesModule],
  controllers: [HealthController, MetricsController],
  providers: [Readiness, DemoAccount, Retention],
  exports: [Readiness, DemoAccount],
})
export class OpsModule {}
