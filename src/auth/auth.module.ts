import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccountsModule } from '../accounts/accounts.module';
import { DeliveryLogModule } from '../delivery-log/delivery-log.module';
import { RateLimitModule } from '../rate-limit/rate-limit.module';
import { AccountGate } from './account-gate.service';
import { ApiKeys } from './api-keys.service';
import { AuthGuard } from './auth.guard';
import { InternalKey } from './internal-key.service';
import { PortalGate } from './portal-gate.service';
import { PortalSessions } from './portal-sessions.service';
import { ScorerSignatures } from './scorer-signatures.service';
import { StaffLooks } from './staff-looks.service';
import { WebhookSignatures } from './webhook-signatures.service';

@Module({
  imports: [AccountsModule, DeliveryLogModule, RateLimitModule],
  providers: [
    AccountGate,
    ApiKeys,
    WebhookSignatures,
    InternalKey,
    ScorerSignatures,
    PortalSessions,
    PortalGate,
    StaffLooks,
    { provide: APP_GUARD, useClass: AuthGuard },
  ],
  exports: [PortalSessions, StaffLooks],
})
export class AuthModule {}
