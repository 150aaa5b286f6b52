import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Env } from '../config/env';
import { Clock } from './clock';
import { createDataSource } from './data-source';
import { Database, limit } from './database';
import { Partitions } from './partitions';
import { Upkeep } from './upkeep.service';

@Global()
@Module({
  providers: [
    {
      provide: DataSource,
      inject: [Env],
      useFactory: (env: Env) => createDataSource(env.DATABASE_URL ?? '', env.DATABASE_POOL_SIZE, limit).initialize(),
    },
    Database,
    Clock,
    Partitions,
    Upkeep,
  ],
  exports: [Database, Clock, Partitions],
})
export class DatabaseModule {}
