import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RateLimit1763900320000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create unlogged table rate_bucket (
        ats_id  text collate "C" primary key,
        level   double precision not null,
        granted integer not null,
        at      timestamptz not null
      ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
      comment on table rate_bucket is
        'Tokens that no process has taken; unlogged, so that taking some costs no fsync: after a crash the buckets are full';
      comment on column rate_bucket.level is 'as it was at that time; it has been filling since';
      comment on column rate_bucket.granted is 'what was taken then'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table rate_bucket');
  }
}
