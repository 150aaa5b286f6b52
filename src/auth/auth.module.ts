import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccountsModule } from '../accounts/accounts.module';
import { DeliveryLogModule } from '../delivery-log/delivery-log.module';
import { RateLimitModule } from '../rate-limit/rate-limit.module';
import { ApiKeys } from './api-keys.service';
import { AuthGuard } from './auth.guard';
import { PortalGate } from './portal-gate.service';
import { PortalSessions } from './portal-sessions.service';
import { StaffLooks } from './staff-looks.service';
import { WebhookSignatures } from './webhook-signatures.service';

@Module({
  imports: [AccountsModule, DeliveryLogModule, RateLimitModule],
  providers: [
    ApiKeys,
    WebhookSignatures,
    PortalSessions,
    PortalGate,
    StaffLooks,
    { provide: APP_GUARD, useClass: AuthGuard },
  ],
  exports: [PortalSessions, StaffLooks],
})
export class AuthModule {}
