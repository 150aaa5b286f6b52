import type { MigrationInterface, QueryRunner } from 'typeorm';

const SIGNING_IN = `
alter table portal_user
  add column last_sign_in_at     timestamptz,
  add column previous_sign_in_at timestamptz;

create table portal_session (
  id_hash      bytea primary key,
  email        text not null references portal_user on delete cascade,
  ats_id       text collate "C" references account,
  created_at   timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  flash        text
);
comment on column portal_session.ats_id is 'the account that a member of the staff looks at; null for everybody else';
comment on column portal_session.flash is 'the code of a message for the next page';
create index portal_session_email on portal_session (email);

create table portal_throttle (
  key          text collate "C" primary key,
  tries        integer not null,
  since        timestamptz not null,
  blocked_till timestamptz not null
);
comment on table portal_throttle is 'How often something guessable was tried; its key names no person, it is a hash';
create index portal_throttle_since on portal_throttle (since);

create table portal_link (
  token_hash bytea primary key,
  purpose    text not null check (purpose in ('reset', 'invitation')),
  email      text not null,
  ats_id     text collate "C" references account,
  role       text check (role in ('admin', 'viewer')),
  made_by    text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  check ((purpose = 'invitation') = (ats_id is not null)),
  check ((purpose = 'invitation') = (role is not null))
);
comment on table portal_link is 'Single-use links: for a new password, or to become a user of an account';
create index portal_link_email on portal_link (email);
create index portal_link_account on portal_link (ats_id);
`;

const ENDPOINTS = `
alter table endpoint add column breaker_opened_at timestamptz;
comment on column endpoint.breaker_opened_at is 'when the breaker opened that is open now';

create table endpoint_check (
  ats_id        text collate "C" primary key references account,
  at            timestamptz not null,
  url           text not null,
  status_code   smallint,
  fault         text,
  duration_ms   integer not null,
  response_body text,
  constraint endpoint_check_outcome check ((status_code is null) = (fault is not null))
);
comment on table endpoint_check is 'What the endpoint last answered to a ping';
`;

const MAIL = `
create table mail_message (
  id           bigint generated always as identity primary key,
  kind         text not null check (kind in ('reset', 'invitation', 'notice')),
  email        text not null,
  data         json not null,
  attempt      integer not null default 0,
  available_at timestamptz not null default now(),
  leased_until timestamptz not null default '-infinity',
  created_at   timestamptz not null default now()
);
comment on table mail_message is 'Mails to be sent; a link is made when its mail is, so none stands here';
create index mail_message_due on mail_message (available_at, id);

create table account_notice (
  ats_id            text collate "C" primary key references account,
  sent_at           timestamptz not null,
  breaker_opened_at timestamptz
);
comment on table account_notice is 'What an account was last told of its endpoint by mail';
`;

export class Portal1763900600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const sql of [SIGNING_IN, ENDPOINTS, MAIL]) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table account_notice, mail_message, endpoint_check, portal_link, portal_throttle, portal_session;
      alter table endpoint drop column breaker_opened_at;
      alter table portal_user drop column last_sign_in_at, drop column previous_sign_in_at`);
  }
}
