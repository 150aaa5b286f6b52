import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { ApplicationsApiModule } from './applications/applications.module';
import { AuthModule } from './auth/auth.module';
import { CandidatesApiModule } from './candidates/candidates.module';
import { ConfigModule } from './config/config.module';
import type { Env } from './config/env';
import { DatabaseModule } from './database/database.module';
import { DeliveryRollerModule } from './delivery-log/delivery-log.module';
import { DeliveryModule, FlowsApiModule } from './delivery/delivery.module';
import { DevReceiverModule } from './dev-receiver/dev-receiver.module';
import { FeedApiModule } from './feed/feed.module';
import { IncomingWebhooksModule } from './incoming-webhooks/incoming-webhooks.module';
import { InternalEventsModule } from './internal-events/internal-events.module';
import { OpsModule } from './ops/ops.module';
import { PortalModule } from './portal/portal.module';
import { ProcessingModule } from './processing/processing.module';
import { ScoresApiModule, ScoringModule } from './scoring/scoring.module';
import { EventTypesModule } from './event-types/event-types.module';
import { ReferenceModule } from './reference/reference.module';
import { VacanciesApiModule } from './vacancies/vacancies.module';
import { UploadsApiModule } from './uploads/uploads.module';
import { WorkspacesApiModule } from './workspaces/workspaces.module';

/** What an ATS calls: accepts into the inbox, and reads; and what its people look at. */
const API: Type[] = [
  WorkspacesApiModule,
  CandidatesApiModule,
  VacanciesApiModule,
  ApplicationsApiModule,
  UploadsApiModule,
  IncomingWebhooksModule,
  FlowsApiModule,
  FeedApiModule,
  InternalEventsModule,
  ScoresApiModule,
  EventTypesModule,
  ReferenceModule,
  PortalModule,
];

/** What drains the queues: inbox to outbox, scores for what awaits them, outbox to the ATS; and counts what was sent. */
const WORKER: Type[] = [ProcessingModule, ScoringModule, DeliveryModule, DeliveryRollerModule];

const BY_ROLE: Record<Env['ROLE'], Type[]> = { api: API, worker: WORKER, all: [...API, ...WORKER] };

@Module({})
export class AppModule {
  static of(env: Env): DynamicModule {
    const development = env.production || env.ROLE === 'worker' ? [] : [DevReceiverModule];
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(env),
        ScheduleModule.forRoot(),
        DatabaseModule,
        AuthModule,
        OpsModule,
        ...BY_ROLE[env.ROLE],
        ...development,
      ],
    };
  }
}
