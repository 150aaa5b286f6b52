import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { AuthModule } from '../auth/auth.module';
import { LastFailures } from './overview/last-failure.service';
import { OverviewController } from './overview/overview.controller';
import { AssetsController } from './page/assets.controller';
import { NotFoundController } from './page/not-found.controller';
import { Pages } from './page/pages.service';
import { ThemeController } from './page/theme.controller';
import { Expiry } from './sign-in/expiry.service';
import { SignInController } from './sign-in/sign-in.controller';
import { SignIn } from './sign-in/sign-in.service';
import { SignOutController } from './sign-in/sign-out.controller';
import { Throttle } from './sign-in/throttle.service';

@Module({
  imports: [AccountsModule, AuthModule],
  providers: [Pages, SignIn, Throttle, Expiry, LastFailures],
  controllers: [
    AssetsController,
    SignInController,
    SignOutController,
    ThemeController,
    OverviewController,
    NotFoundController,
  ],
})
export class PortalModule {}
