import type { MigrationInterface, QueryRunner } from 'typeorm';

export class WorkspaceOrder1763900310000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table workspace_clock (
        ats_id  text collate "C" primary key,
        at      timestamptz not null,
        changes integer not null default 0
      );
      comment on table workspace_clock is
        'Its row is locked from a change of an account''s workspaces to the commit, so they become visible in the order of updated_at';
      comment on column workspace_clock.at is 'the greatest updated_at that was given';
      comment on column workspace_clock.changes is 'how many the last change gave, a microsecond apart';
      insert into workspace_clock (ats_id, at)
      select ats_id, max(updated_at) from workspace where updated_at is not null group by ats_id;
      create index workspace_updated on workspace (ats_id, updated_at, client_id) where provisioned_at is not null`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index workspace_updated; drop table workspace_clock');
  }
}
