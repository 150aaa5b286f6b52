import type { MigrationInterface, QueryRunner } from 'typeorm';

const ACCOUNTS = `
create table account (
  ats_id       text collate "C" primary key,
  name         text not null,
  enabled      boolean not null default true,
  api_key_hash bytea not null unique,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now()
);

create table account_secret (
  id         bigint generated always as identity primary key,
  ats_id     text collate "C" not null references account,
  direction  text not null check (direction in ('incoming', 'outgoing')),
  sealed     bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
comment on column account_secret.expires_at is 'null: the current secret; else until when a replaced one still counts';
create unique index account_secret_current on account_secret (ats_id, direction) where expires_at is null;
create index account_secret_account on account_secret (ats_id, direction);

create table endpoint (
  ats_id          text collate "C" primary key references account,
  url             text,
  disabled_at     timestamptz,
  disabled_reason text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now()
);

create table portal_user (
  email         text primary key,
  ats_id        text collate "C" references account,
  role          text not null check (role in ('admin', 'viewer', 'staff')),
  password_hash text not null,
  created_at    timestamptz not null default now(),
  check ((role = 'staff') = (ats_id is null))
);

create table audit_entry (
  id     uuid primary key,
  ats_id text collate "C" not null references account,
  actor  text not null,
  action text not null,
  detail json not null
);
create index audit_entry_account on audit_entry (ats_id, id desc);
`;

const FEATURES = `
create table workspace (
  ats_id         text collate "C" not null references account,
  client_id      text collate "C" not null,
  name           text,
  admin_name     text,
  admin_email    text,
  provisioned_at timestamptz,
  updated_at     timestamptz,
  primary key (ats_id, client_id)
);
comment on table workspace is
  'A row is the gate for entity writes, made when its provisioning is accepted, and the lane that serialises processing';
comment on column workspace.provisioned_at is 'null: accepted, not processed yet';

create table member (
  ats_id     text collate "C" not null,
  client_id  text collate "C" not null,
  user_id    text collate "C" not null,
  name       text not null,
  email      text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (ats_id, client_id, user_id),
  foreign key (ats_id, client_id) references workspace
);

create table candidate (
  ats_id       text collate "C" not null,
  client_id    text collate "C" not null,
  candidate_id text collate "C" not null,
  data         json not null,
  created_at   timestamptz not null,
  updated_at   timestamptz not null,
  primary key (ats_id, client_id, candidate_id)
);
create index candidate_updated on candidate (ats_id, client_id, updated_at, candidate_id);
`;

/**
 * Fill factor 70 leaves room on each page for the new row version of a claim: leased_until and attempt stand in no
 * index, so 98 % of claims touch no index (HOT). The tables turn over completely, hence the eager autovacuum.
 */
const HOT = `(fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.2)`;

const QUEUES = `
create table inbox_message (
  id           bigint generated always as identity primary key,
  ats_id       text collate "C" not null,
  client_id    text collate "C" not null,
  reference_id uuid not null,
  attempt      integer not null default 0,
  failures     smallint not null default 0,
  crashes      smallint not null default 0,
  available_at timestamptz not null default now(),
  leased_until timestamptz not null default '-infinity'
) with ${HOT};
comment on column inbox_message.attempt is 'the fence: counts claims';
comment on column inbox_message.crashes is 'leases in a row that ended unsettled';
create index inbox_message_lane on inbox_message (ats_id, client_id, id);

create table outbox_message (
  id           bigint generated always as identity primary key,
  ats_id       text collate "C" not null,
  entity_key   text collate "C" not null,
  reference_id uuid not null,
  attempt      integer not null default 0,
  failures     smallint not null default 0,
  available_at timestamptz not null default now(),
  leased_until timestamptz not null default '-infinity'
) with ${HOT};
comment on column outbox_message.available_at is 'infinity: parked behind an older message of its entity';
create index outbox_message_due on outbox_message (ats_id, available_at, id);
create index outbox_message_entity on outbox_message (ats_id, entity_key, id);

create table dead_message (
  reference_id uuid primary key,
  ats_id       text collate "C" not null,
  entity_key   text collate "C" not null,
  failures     smallint not null,
  state        text not null check (state in ('dead', 'discarded')),
  at           timestamptz not null default now()
);
create index dead_message_account on dead_message (ats_id, at);

create table idempotency_key (
  ats_id       text collate "C" not null,
  client_id    text collate "C" not null,
  source       text not null,
  key          text collate "C" not null,
  fingerprint  bytea not null,
  reference_id uuid not null,
  created_at   timestamptz not null default now(),
  primary key (ats_id, client_id, source, key)
);
create index idempotency_key_age on idempotency_key using brin (created_at);
`;

/** Written once, dropped by the day. The ids are UUIDv7, so a range of ids is a range of time. */
const COLD = `
create table flow (
  reference_id uuid not null,
  ats_id       text collate "C" not null,
  client_id    text collate "C" not null,
  user_id      text collate "C",
  source       text not null check (source in ('rest', 'webhook', 'portal', 'internal', 'cli')),
  event        text not null,
  entity_id    text collate "C" not null,
  payload      json not null,
  primary key (reference_id)
) partition by range (reference_id);

create table result_event (
  reference_id uuid not null,
  ats_id       text collate "C" not null,
  client_id    text collate "C" not null,
  event        text not null,
  status       text not null check (status in ('success', 'error')),
  body         text not null,
  created_at   timestamptz not null,
  primary key (reference_id)
) partition by range (reference_id);
comment on table result_event is 'Its key is the flow''s: at most one result for each flow';

create table delivery_attempt (
  id               uuid not null,
  ats_id           text collate "C" not null,
  reference_id     uuid,
  direction        text not null check (direction in ('incoming', 'outgoing')),
  event            text,
  number           smallint not null,
  outcome          text not null check (outcome in ('success', 'failure', 'error')),
  status_code      smallint,
  error            text,
  duration_ms      integer not null,
  next_attempt_at  timestamptz,
  signature        text,
  request_headers  json,
  payload          text,
  response_headers json,
  response_body    text,
  primary key (ats_id, id)
) partition by range (id);
comment on column delivery_attempt.payload is 'null: the flow''s payload or the result event''s body';
create index delivery_attempt_flow on delivery_attempt (reference_id);
`;

export class Spine1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const sql of [ACCOUNTS, FEATURES, QUEUES, COLD]) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table delivery_attempt, result_event, flow, idempotency_key, dead_message, outbox_message,
      inbox_message, candidate, member, workspace, audit_entry, portal_user, endpoint, account_secret, account`);
  }
}
