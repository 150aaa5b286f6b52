import { Module } from '@nestjs/common';
import { Env } from '../config/env';
import { AddressPolicy } from '../egress/address-policy';
import { Accounts } from './accounts.service';
import { EndpointHealth } from './endpoint-health.service';
import { Passwords } from './passwords.service';
import { PortalLinks } from './portal-links.service';
import { PortalUsers } from './portal-users.service';
import { encryptionKey, SecretBox } from './secret-box';
import { WebhookSecrets } from './webhook-secrets.service';

@Module({
  providers: [
    Accounts,
    EndpointHealth,
    Passwords,
    PortalLinks,
    PortalUsers,
    WebhookSecrets,
    { provide: SecretBox, inject: [Env], useFactory: (env: Env) => new SecretBox(encryptionKey(env)) },
    {
      provide: AddressPolicy,
      inject: [Env],
      useFactory: (env: Env) => new AddressPolicy(env.DELIVERY_ALLOWED_PRIVATE_RANGES),
    },
  ],
  exports: [Accounts, EndpointHealth, Passwords, PortalLinks, PortalUsers, WebhookSecrets, AddressPolicy],
})
export class AccountsModule {}
