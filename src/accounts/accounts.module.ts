import { Module } from '@nestjs/common';
import { Env } from '../config/env';
import { AddressPolicy } from '../egress/address-policy';
import { Accounts } from './accounts.service';
import { EndpointHealth } from './endpoint-health.service';
import { Passwords } from './passwords.service';
import { encryptionKey, SecretBox } from './secret-box';
import { WebhookSecrets } from './webhook-secrets.service';

@Module({
  providers: [
    Accounts,
    EndpointHealth,
    Passwords,
    WebhookSecrets,
    { provide: SecretBox, inject: [Env], useFactory: (env: Env) => new SecretBox(encryptionKey(env)) },
    {
      provide: AddressPolicy,
      inject: [Env],
      useFactory: (env: Env) => new AddressPolicy(env.DELIVERY_ALLOWED_PRIVATE_RANGES),
    },
  ],
  exports: [Accounts, EndpointHealth, Passwords, WebhookSecrets, AddressPolicy],
})
export class AccountsModule {}
