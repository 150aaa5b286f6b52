import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Scoring1763900500000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table scoring_task (
        reference_id           uuid primary key,
        ats_id                 text collate "C" not null,
        client_id              text collate "C" not null,
        application_id         text collate "C" not null,
        application_created_at timestamptz,
        data                   json not null,
        callback_token         text not null,
        answer                 json,
        last_fault             text,
        deadline_at            timestamptz not null,
        attempt                integer not null default 0,
        failures               smallint not null default 0,
        available_at           timestamptz not null default now(),
        leased_until           timestamptz not null default '-infinity'
      ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.2);
      create index scoring_task_due on scoring_task (ats_id, available_at, reference_id);
      comment on table scoring_task is
        'An application.created whose result waits, with its place kept in the outbox, for its score';
      comment on column scoring_task.data is 'the application as its creation left it';
      comment on column scoring_task.application_created_at is
        'tells this application from a later one of its id; null: it was gone within the same batch';
      comment on column scoring_task.answer is 'what a callback brought';
      comment on column scoring_task.attempt is 'the fence: counts claims'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table scoring_task');
  }
}
