import type { MigrationInterface, QueryRunner } from 'typeorm';

export class EndpointHealth1763900100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table endpoint
        add column failures_in_row   integer not null default 0,
        add column breaker_pause_ms  integer not null default 0,
        add column paused_until      timestamptz not null default '-infinity',
        add column probe_until       timestamptz not null default '-infinity',
        add column trusted_secret_id bigint;
      comment on column endpoint.breaker_pause_ms is '0: the breaker is closed; else the length of its present pause';
      comment on column endpoint.paused_until is 'nothing is sent before: the breaker is open, or the endpoint asked for it';
      comment on column endpoint.probe_until is 'the lease of the one probe that may be under way';
      comment on column endpoint.trusted_secret_id is 'the secret by which the endpoint last verified a signature'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table endpoint
        drop column failures_in_row, drop column breaker_pause_ms, drop column paused_until, drop column probe_until,
        drop column trusted_secret_id`);
  }
}
