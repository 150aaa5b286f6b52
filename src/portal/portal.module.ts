import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { AuthModule } from '../auth/auth.module';
import { SenderModule } from '../delivery/delivery.module';
import { DeliveryLogModule } from '../delivery-log/delivery-log.module';
import { ReceiptsModule } from '../dev-receiver/dev-receiver.module';
import { EventTypesModule } from '../event-types/event-types.module';
import { OutboxModule } from '../outbox/outbox.module';
import { AuditLogController } from './audit/audit-log.controller';
import { AuditLog } from './audit/audit-log.service';
import { ConfigurationController } from './configuration/configuration.controller';
import { CredentialsController } from './configuration/credentials.controller';
import { AttemptDetails } from './deliveries/attempt-detail.service';
import { PortalAttempts } from './deliveries/attempts.service';
import { DeadMessages } from './deliveries/dead-messages.service';
import { DeadController } from './deliveries/dead.controller';
import { DeliveriesController } from './deliveries/deliveries.controller';
import { EndpointChecks } from './endpoint/endpoint-checks.service';
import { TestSends } from './endpoint/test-sends.service';
import { FlowContentsReader } from './flows/flow-contents.service';
import { PortalFlowsController } from './flows/flows.controller';
import { ForgottenController } from './links/forgotten.controller';
import { LinksController } from './links/links.controller';
import { MailWorker } from './mail/mail.worker';
import { Mails } from './mail/mails.service';
import { Notices } from './mail/notices.service';
import { OverviewController } from './overview/overview.controller';
import { Overviews } from './overview/overview.service';
import { AssetsController } from './page/assets.controller';
import { NotFoundController } from './page/not-found.controller';
import { Pages } from './page/pages.service';
import { ThemeController } from './page/theme.controller';
import { ProfileController } from './profile/profile.controller';
import { ReceivedController } from './received/received.controller';
import { Expiry } from './sign-in/expiry.service';
import { SignInController } from './sign-in/sign-in.controller';
import { SignIn } from './sign-in/sign-in.service';
import { SignOutController } from './sign-in/sign-out.controller';
import { StaffAccounts } from './staff/staff-accounts.service';
import { StaffController } from './staff/staff.controller';
import { TestPayloads } from './testing/test-payloads.service';
import { TestingController } from './testing/testing.controller';
import { Throttle } from './throttle/throttle.service';
import { UsersController } from './users/users.controller';

@Module({
  imports: [
    AccountsModule,
    AuthModule,
    DeliveryLogModule,
    EventTypesModule,
    OutboxModule,
    ReceiptsModule,
    SenderModule,
  ],
  providers: [
    Pages,
    SignIn,
    Throttle,
    Expiry,
    TestSends,
    EndpointChecks,
    TestPayloads,
    PortalAttempts,
    AttemptDetails,
    DeadMessages,
    FlowContentsReader,
    Overviews,
    AuditLog,
    StaffAccounts,
    Mails,
    MailWorker,
    Notices,
  ],
  controllers: [
    AssetsController,
    SignInController,
    SignOutController,
    ThemeController,
    OverviewController,
    ReceivedController,
    ConfigurationController,
    CredentialsController,
    TestingController,
    DeadController,
    DeliveriesController,
    PortalFlowsController,
    UsersController,
    AuditLogController,
    ProfileController,
    StaffController,
    ForgottenController,
    LinksController,
    NotFoundController,
  ],
})
export class PortalModule {}
