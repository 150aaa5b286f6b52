import type { MigrationInterface, QueryRunner } from 'typeorm';

/** One row for each account, changed by every batch: a page with room keeps that off the index (HOT). */
const TABLE = `
create table event_feed (
  ats_id        text collate "C" primary key,
  last_position bigint not null,
  floor         bigint not null default 0
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
comment on table event_feed is
  'Its row is locked from the append of an account''s results to their commit, so they become visible in their order';
comment on column event_feed.floor is 'the feed begins behind it: the greatest position whose day was dropped'`;

/** In what order earlier results were committed nobody wrote down; when they were made comes nearest. */
const NUMBER = `
alter table result_event add column position bigint;
update result_event r set position = n.position
  from (select reference_id, row_number() over (partition by ats_id order by created_at, reference_id) as position
          from result_event) n
 where n.reference_id = r.reference_id;
alter table result_event alter column position set not null;
comment on column result_event.position is 'within the account, in the order of commit, without a gap';
create index result_event_feed on result_event (ats_id, position);
insert into event_feed (ats_id, last_position)
select ats_id, max(position) from result_event group by ats_id`;

export class EventFeed1763900300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLE);
    await runner.query(NUMBER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table event_feed');
    await runner.query('alter table result_event drop column position');
  }
}
