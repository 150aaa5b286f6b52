import { Module, type DynamicModule } from '@nestjs/common';
import { Env } from './env';

/** Hands the settings, read once at start, to every room. */
@Module({})
export class ConfigModule {
  static of(env: Env): DynamicModule {
    return { module: ConfigModule, global: true, providers: [{ provide: Env, useValue: env }], exports: [Env] };
  }
}
