import type { MigrationInterface, QueryRunner } from 'typeorm';

export class EndpointRest1763900280000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table endpoint add column rest_until timestamptz not null default '-infinity';
      comment on column endpoint.paused_until is 'nothing is sent before: the breaker is open';
      comment on column endpoint.rest_until is 'nothing is sent before: the endpoint asked for it'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      update endpoint set paused_until = greatest(paused_until, rest_until);
      alter table endpoint drop column rest_until;
      comment on column endpoint.paused_until is 'nothing is sent before: the breaker is open, or the endpoint asked for it'`);
  }
}
