import { Module } from '@nestjs/common';
import { Env } from '../config/env';
import { AddressPolicy } from '../egress/address-policy';
import { Accounts } from './accounts.service';
import { encryptionKey, SecretBox } from './secret-box';
import { WebhookSecrets } from './webhook-secrets.service';

@Module({
  providers: [
    Accounts,
    WebhookSecrets,
    { provide: SecretBox, inject: [Env], useFactory: (env: Env) => new SecretBox(encryptionKey(env)) },
    {
      provide: AddressPolicy,
      inject: [Env],
      useFactory: (env: Env) => new AddressPolicy(env.DELIVERY_ALLOWED_PRIVATE_RANGES),
    },
  ],
  exports: [Accounts, WebhookSecrets, AddressPolicy],
})
export class AccountsModule {}
