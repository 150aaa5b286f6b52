import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TestAttempts1763900800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table delivery_attempt add column test boolean not null default false`);
    await runner.query(
      `comment on column delivery_attempt.test is 'sent from the portal to try the endpoint out: of no flow, counted nowhere'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table delivery_attempt drop column test');
  }
}
