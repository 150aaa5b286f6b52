import type { MigrationInterface, QueryRunner } from 'typeorm';

const ROLLUP = `
create table delivery_rollup (
  ats_id          text collate "C" not null,
  hour            timestamptz not null,
  success         integer not null,
  failure         integer not null,
  error           integer not null,
  latencies       integer[] not null,
  last_success_id uuid,
  last_failure_id uuid,
  primary key (ats_id, hour)
);
comment on table delivery_rollup is 'An hour of an account: its outgoing attempts by outcome; tests are not counted';
comment on column delivery_rollup.latencies is 'how many were answered within 1, 1.2, 1.44, … ms';
comment on column delivery_rollup.last_failure_id is 'the latest attempt that was not a success';

create table delivery_rollup_mark (
  singleton     boolean primary key default true check (singleton),
  rolled_before uuid not null
);
comment on table delivery_rollup_mark is 'One row: every attempt before it is in the rollup, none behind it is';
`;

/** Where there are attempts, a week of them is counted afterwards; a new database begins with today. */
const BEGIN = `
insert into delivery_rollup_mark (rolled_before)
select (lpad(to_hex(floor(extract(epoch from
         case when exists (select from delivery_attempt) then date_trunc('hour', now() - interval '8 days') else now() end)
         * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid`;

export class DeliveryRollup1763901000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ROLLUP);
    await runner.query(BEGIN);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table delivery_rollup, delivery_rollup_mark');
  }
}
