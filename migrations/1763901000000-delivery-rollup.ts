import type { MigrationInterface, QueryRunner } from 'typeorm';

const ROLLUP = `
create table delivery_rollup (
  ats_id   text collate "C" not null,
  hour     timestamptz not null,
  outcome  text not null check (outcome in ('success', 'failure', 'error')),
  latency  smallint not null,
  attempts integer not null,
  last_id  uuid not null,
  primary key (ats_id, hour, outcome, latency)
);
comment on table delivery_rollup is 'Outgoing attempts that were no test, counted by hour, outcome and class of latency';
comment on column delivery_rollup.latency is 'n: up to 1.2 ^ n ms, and more than 1.2 ^ (n - 1)';
comment on column delivery_rollup.last_id is 'the latest of these attempts';

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
