import type { MigrationInterface, QueryRunner } from 'typeorm';

export class VacanciesApplications1763900250000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const name of ['vacancy', 'application']) {
      await runner.query(`
        create table ${name} (
          ats_id     text collate "C" not null,
          client_id  text collate "C" not null,
          ${name}_id text collate "C" not null,
          data       json not null,
          created_at timestamptz not null,
          updated_at timestamptz not null,
          primary key (ats_id, client_id, ${name}_id)
        );
        create index ${name}_updated on ${name} (ats_id, client_id, updated_at, ${name}_id)`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table vacancy, application');
  }
}
