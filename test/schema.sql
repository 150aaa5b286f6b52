-- What a freshly migrated database looks like, read from its catalogs by test/integration/schema.spec.ts.
-- After a new migration: UPDATE_SCHEMA=1 npx jest test/integration/schema

table account (
  ats_id text collate "C" not null,
  name text not null,
  enabled boolean not null default true,
  api_key_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now()
);
constraint account_api_key_hash_key on account UNIQUE (api_key_hash);
constraint account_pkey on account PRIMARY KEY (ats_id);
CREATE UNIQUE INDEX account_api_key_hash_key ON account USING btree (api_key_hash);
CREATE UNIQUE INDEX account_pkey ON account USING btree (ats_id);

table account_notice (
  ats_id text collate "C" not null,
  sent_at timestamp with time zone not null,
  breaker_opened_at timestamp with time zone
);
constraint account_notice_ats_id_fkey on account_notice FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint account_notice_pkey on account_notice PRIMARY KEY (ats_id);
CREATE UNIQUE INDEX account_notice_pkey ON account_notice USING btree (ats_id);
comment on table account_notice is 'What an account was last told of its endpoint by mail';

table account_secret (
  id bigint not null generated always as identity,
  ats_id text collate "C" not null,
  direction text not null,
  sealed bytea not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone
);
constraint account_secret_ats_id_fkey on account_secret FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint account_secret_direction_check on account_secret CHECK ((direction = ANY (ARRAY['incoming'::text, 'outgoing'::text])));
constraint account_secret_pkey on account_secret PRIMARY KEY (id);
CREATE INDEX account_secret_account ON account_secret USING btree (ats_id, direction);
CREATE UNIQUE INDEX account_secret_current ON account_secret USING btree (ats_id, direction) WHERE (expires_at IS NULL);
CREATE UNIQUE INDEX account_secret_pkey ON account_secret USING btree (id);
comment on column account_secret.expires_at is 'null: the current secret; else until when a replaced one still counts';

table application (
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  application_id text collate "C" not null,
  data json not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null
);
constraint application_pkey on application PRIMARY KEY (ats_id, client_id, application_id);
CREATE UNIQUE INDEX application_pkey ON application USING btree (ats_id, client_id, application_id);
CREATE INDEX application_updated ON application USING btree (ats_id, client_id, updated_at, application_id);

table audit_entry (
  id uuid not null,
  ats_id text collate "C" not null,
  actor text not null,
  action text not null,
  detail json not null
);
constraint audit_entry_ats_id_fkey on audit_entry FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint audit_entry_pkey on audit_entry PRIMARY KEY (id);
CREATE INDEX audit_entry_account ON audit_entry USING btree (ats_id, id DESC);
CREATE UNIQUE INDEX audit_entry_pkey ON audit_entry USING btree (id);

table bulk_redelivery (
  id uuid not null,
  ats_id text collate "C" not null,
  since timestamp with time zone not null,
  until timestamp with time zone not null default now(),
  total integer not null,
  done integer not null default 0,
  requested_by text not null,
  advanced_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone
);
constraint bulk_redelivery_ats_id_fkey on bulk_redelivery FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint bulk_redelivery_pkey on bulk_redelivery PRIMARY KEY (id);
CREATE UNIQUE INDEX bulk_redelivery_pkey ON bulk_redelivery USING btree (id);
CREATE UNIQUE INDEX bulk_redelivery_running ON bulk_redelivery USING btree (ats_id) WHERE (finished_at IS NULL);
comment on table bulk_redelivery is 'Somebody asked to deliver again all that died in a time; a worker queues it in batches';
comment on column bulk_redelivery.until is 'what dies again meanwhile stays dead';
comment on column bulk_redelivery.total is 'of messages when it was asked for; some may be redelivered otherwise, or expire';

table candidate (
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  candidate_id text collate "C" not null,
  data json not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null
);
constraint candidate_pkey on candidate PRIMARY KEY (ats_id, client_id, candidate_id);
CREATE UNIQUE INDEX candidate_pkey ON candidate USING btree (ats_id, client_id, candidate_id);
CREATE INDEX candidate_updated ON candidate USING btree (ats_id, client_id, updated_at, candidate_id);

table dead_message (
  reference_id uuid not null,
  ats_id text collate "C" not null,
  entity_key text collate "C" not null,
  failures smallint not null,
  state text not null,
  at timestamp with time zone not null default now()
);
constraint dead_message_pkey on dead_message PRIMARY KEY (reference_id);
constraint dead_message_state_check on dead_message CHECK ((state = ANY (ARRAY['dead'::text, 'discarded'::text])));
CREATE INDEX dead_message_account ON dead_message USING btree (ats_id, at);
CREATE UNIQUE INDEX dead_message_pkey ON dead_message USING btree (reference_id);
CREATE INDEX dead_message_state ON dead_message USING btree (ats_id, state, reference_id);

table delivery_attempt (
  id uuid not null,
  ats_id text collate "C" not null,
  reference_id uuid,
  direction text not null,
  event text,
  number smallint not null,
  outcome text not null,
  status_code smallint,
  error text,
  duration_ms integer not null,
  next_attempt_at timestamp with time zone,
  signature text,
  request_headers json,
  payload text,
  response_headers json,
  response_body text,
  test boolean not null default false
) partition by RANGE (id);
constraint delivery_attempt_direction_check on delivery_attempt CHECK ((direction = ANY (ARRAY['incoming'::text, 'outgoing'::text])));
constraint delivery_attempt_outcome_check on delivery_attempt CHECK ((outcome = ANY (ARRAY['success'::text, 'failure'::text, 'error'::text])));
constraint delivery_attempt_pkey on delivery_attempt PRIMARY KEY (ats_id, id);
CREATE INDEX delivery_attempt_flow ON ONLY delivery_attempt USING btree (reference_id);
CREATE UNIQUE INDEX delivery_attempt_pkey ON ONLY delivery_attempt USING btree (ats_id, id);
comment on column delivery_attempt.payload is 'null: the flow''s payload or the result event''s body';
comment on column delivery_attempt.test is 'sent from the portal to try the endpoint out: of no flow, counted nowhere';

table delivery_rollup (
  ats_id text collate "C" not null,
  hour timestamp with time zone not null,
  success integer not null,
  failure integer not null,
  error integer not null,
  latencies integer[] not null,
  last_success_id uuid,
  last_failure_id uuid
);
constraint delivery_rollup_pkey on delivery_rollup PRIMARY KEY (ats_id, hour);
CREATE UNIQUE INDEX delivery_rollup_pkey ON delivery_rollup USING btree (ats_id, hour);
comment on table delivery_rollup is 'An hour of an account: its outgoing attempts by outcome; tests are not counted';
comment on column delivery_rollup.latencies is 'how many were answered within 1, 1.2, 1.44, … ms';
comment on column delivery_rollup.last_failure_id is 'the latest attempt that was not a success';

table delivery_rollup_mark (
  singleton boolean not null default true,
  rolled_before uuid not null
);
constraint delivery_rollup_mark_pkey on delivery_rollup_mark PRIMARY KEY (singleton);
constraint delivery_rollup_mark_singleton_check on delivery_rollup_mark CHECK (singleton);
CREATE UNIQUE INDEX delivery_rollup_mark_pkey ON delivery_rollup_mark USING btree (singleton);
comment on table delivery_rollup_mark is 'One row: every attempt before it is in the rollup, none behind it is';

table endpoint (
  ats_id text collate "C" not null,
  url text,
  disabled_at timestamp with time zone,
  disabled_reason text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  failures_in_row integer not null default 0,
  breaker_pause_ms integer not null default 0,
  paused_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  probe_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  trusted_secret_id bigint,
  rest_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  breaker_opened_at timestamp with time zone
);
constraint endpoint_ats_id_fkey on endpoint FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint endpoint_pkey on endpoint PRIMARY KEY (ats_id);
CREATE UNIQUE INDEX endpoint_pkey ON endpoint USING btree (ats_id);
comment on column endpoint.breaker_pause_ms is '0: the breaker is closed; else the length of its present pause';
comment on column endpoint.paused_until is 'nothing is sent before: the breaker is open';
comment on column endpoint.probe_until is 'the lease of the one probe that may be under way';
comment on column endpoint.trusted_secret_id is 'the secret by which the endpoint last verified a signature';
comment on column endpoint.rest_until is 'nothing is sent before: the endpoint asked for it';
comment on column endpoint.breaker_opened_at is 'when the breaker opened that is open now';

table endpoint_check (
  ats_id text collate "C" not null,
  at timestamp with time zone not null,
  url text not null,
  status_code smallint,
  fault text,
  duration_ms integer not null,
  response_body text
);
constraint endpoint_check_ats_id_fkey on endpoint_check FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint endpoint_check_outcome on endpoint_check CHECK (((status_code IS NULL) = (fault IS NOT NULL)));
constraint endpoint_check_pkey on endpoint_check PRIMARY KEY (ats_id);
CREATE UNIQUE INDEX endpoint_check_pkey ON endpoint_check USING btree (ats_id);
comment on table endpoint_check is 'What the endpoint last answered to a ping';

table event_feed (
  ats_id text collate "C" not null,
  last_position bigint not null,
  floor bigint not null default 0
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_cost_delay=0);
constraint event_feed_pkey on event_feed PRIMARY KEY (ats_id);
CREATE UNIQUE INDEX event_feed_pkey ON event_feed USING btree (ats_id);
comment on table event_feed is 'Its row is locked from the append of an account''s results to their commit, so they become visible in their order';
comment on column event_feed.floor is 'the feed begins behind it: the greatest position whose day was dropped';

table flow (
  reference_id uuid not null,
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  user_id text collate "C",
  source text not null,
  event text not null,
  entity_id text collate "C" not null,
  payload json not null
) partition by RANGE (reference_id);
constraint flow_pkey on flow PRIMARY KEY (reference_id);
constraint flow_source_check on flow CHECK ((source = ANY (ARRAY['rest'::text, 'webhook'::text, 'portal'::text, 'internal'::text, 'cli'::text])));
CREATE INDEX flow_account ON ONLY flow USING btree (ats_id, reference_id);
CREATE INDEX flow_entity ON ONLY flow USING btree (ats_id, entity_id, reference_id);
CREATE UNIQUE INDEX flow_pkey ON ONLY flow USING btree (reference_id);

table idempotency_key (
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  source text not null,
  key text collate "C" not null,
  fingerprint bytea not null,
  reference_id uuid not null,
  created_at timestamp with time zone not null default now()
);
constraint idempotency_key_pkey on idempotency_key PRIMARY KEY (ats_id, client_id, source, key);
CREATE INDEX idempotency_key_age ON idempotency_key USING brin (created_at);
CREATE UNIQUE INDEX idempotency_key_pkey ON idempotency_key USING btree (ats_id, client_id, source, key);

table inbox_message (
  id bigint not null generated always as identity statistics 0,
  ats_id text collate "C" not null statistics 0,
  client_id text collate "C" not null statistics 0,
  reference_id uuid not null,
  attempt integer not null default 0,
  failures smallint not null default 0,
  crashes smallint not null default 0,
  available_at timestamp with time zone not null default now() statistics 0,
  leased_until timestamp with time zone not null default '-infinity'::timestamp with time zone statistics 0
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=500, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.2);
constraint inbox_message_pkey on inbox_message PRIMARY KEY (id);
CREATE INDEX inbox_message_lane ON inbox_message USING btree (ats_id, client_id, id);
CREATE UNIQUE INDEX inbox_message_pkey ON inbox_message USING btree (id);
comment on column inbox_message.attempt is 'the fence: counts claims';
comment on column inbox_message.crashes is 'leases in a row that ended unsettled';

table kept_event (
  reference_id uuid not null,
  event text not null,
  body text not null,
  ats_id text collate "C" not null
);
constraint kept_event_pkey on kept_event PRIMARY KEY (reference_id);
CREATE UNIQUE INDEX kept_event_pkey ON kept_event USING btree (reference_id);
comment on table kept_event is 'Results whose day was dropped while their message was pending or dead; few, and gone with their message';

table mail_message (
  id bigint not null generated always as identity,
  kind text not null,
  email text not null,
  data json not null,
  attempt integer not null default 0,
  available_at timestamp with time zone not null default now(),
  leased_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  created_at timestamp with time zone not null default now()
);
constraint mail_message_kind_check on mail_message CHECK ((kind = ANY (ARRAY['reset'::text, 'invitation'::text, 'notice'::text])));
constraint mail_message_pkey on mail_message PRIMARY KEY (id);
CREATE INDEX mail_message_due ON mail_message USING btree (available_at, id);
CREATE UNIQUE INDEX mail_message_pkey ON mail_message USING btree (id);
comment on table mail_message is 'Mails to be sent; a link is made when its mail is, so none stands here';

table member (
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  user_id text collate "C" not null,
  name text not null,
  email text not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now()
);
constraint member_ats_id_client_id_fkey on member FOREIGN KEY (ats_id, client_id) REFERENCES workspace(ats_id, client_id);
constraint member_pkey on member PRIMARY KEY (ats_id, client_id, user_id);
CREATE UNIQUE INDEX member_pkey ON member USING btree (ats_id, client_id, user_id);

table outbox_message (
  id bigint not null generated always as identity statistics 0,
  ats_id text collate "C" not null statistics 0,
  entity_key text collate "C" not null statistics 0,
  reference_id uuid not null,
  attempt integer not null default 0,
  failures smallint not null default 0,
  available_at timestamp with time zone not null default now() statistics 0,
  leased_until timestamp with time zone not null default '-infinity'::timestamp with time zone statistics 0,
  queued_at timestamp with time zone not null default now()
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=500, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.2);
constraint outbox_message_pkey on outbox_message PRIMARY KEY (id);
CREATE INDEX outbox_message_due ON outbox_message USING btree (ats_id, available_at, id);
CREATE INDEX outbox_message_entity ON outbox_message USING btree (ats_id COLLATE "POSIX", entity_key, id);
CREATE UNIQUE INDEX outbox_message_pkey ON outbox_message USING btree (id);
comment on column outbox_message.available_at is 'infinity: parked behind an older message of its entity';
comment on column outbox_message.queued_at is 'its retention counts from here: a redelivery begins anew';

table portal_link (
  token_hash bytea not null,
  purpose text not null,
  email text not null,
  ats_id text collate "C",
  role text,
  made_by text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null
);
constraint portal_link_ats_id_fkey on portal_link FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint portal_link_check on portal_link CHECK (((purpose = 'invitation'::text) = (ats_id IS NOT NULL)));
constraint portal_link_check1 on portal_link CHECK (((purpose = 'invitation'::text) = (role IS NOT NULL)));
constraint portal_link_pkey on portal_link PRIMARY KEY (token_hash);
constraint portal_link_purpose_check on portal_link CHECK ((purpose = ANY (ARRAY['reset'::text, 'invitation'::text])));
constraint portal_link_role_check on portal_link CHECK ((role = ANY (ARRAY['admin'::text, 'viewer'::text])));
CREATE INDEX portal_link_account ON portal_link USING btree (ats_id);
CREATE INDEX portal_link_email ON portal_link USING btree (email);
CREATE UNIQUE INDEX portal_link_pkey ON portal_link USING btree (token_hash);
comment on table portal_link is 'Single-use links: for a new password, or to become a user of an account';

table portal_session (
  id_hash bytea not null,
  email text not null,
  ats_id text collate "C",
  created_at timestamp with time zone not null default now(),
  last_seen_at timestamp with time zone not null default now(),
  flash text
);
constraint portal_session_ats_id_fkey on portal_session FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint portal_session_email_fkey on portal_session FOREIGN KEY (email) REFERENCES portal_user(email) ON DELETE CASCADE;
constraint portal_session_pkey on portal_session PRIMARY KEY (id_hash);
CREATE INDEX portal_session_email ON portal_session USING btree (email);
CREATE UNIQUE INDEX portal_session_pkey ON portal_session USING btree (id_hash);
comment on column portal_session.ats_id is 'the account that a member of the staff looks at; null for everybody else';
comment on column portal_session.flash is 'the code of a message for the next page';

table portal_throttle (
  key text collate "C" not null,
  tries integer not null,
  since timestamp with time zone not null,
  blocked_till timestamp with time zone not null
);
constraint portal_throttle_pkey on portal_throttle PRIMARY KEY (key);
CREATE UNIQUE INDEX portal_throttle_pkey ON portal_throttle USING btree (key);
CREATE INDEX portal_throttle_since ON portal_throttle USING btree (since);
comment on table portal_throttle is 'How often something guessable was tried; its key names no person, it is a hash';

table portal_user (
  email text not null,
  ats_id text collate "C",
  role text not null,
  password_hash text not null,
  created_at timestamp with time zone not null default now(),
  last_sign_in_at timestamp with time zone,
  previous_sign_in_at timestamp with time zone
);
constraint portal_user_ats_id_fkey on portal_user FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint portal_user_check on portal_user CHECK (((role = 'staff'::text) = (ats_id IS NULL)));
constraint portal_user_pkey on portal_user PRIMARY KEY (email);
constraint portal_user_role_check on portal_user CHECK ((role = ANY (ARRAY['admin'::text, 'viewer'::text, 'staff'::text])));
CREATE UNIQUE INDEX portal_user_pkey ON portal_user USING btree (email);

unlogged table rate_bucket (
  ats_id text collate "C" not null,
  level double precision not null,
  granted integer not null,
  at timestamp with time zone not null
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_cost_delay=0);
constraint rate_bucket_pkey on rate_bucket PRIMARY KEY (ats_id);
CREATE UNIQUE INDEX rate_bucket_pkey ON rate_bucket USING btree (ats_id);
comment on table rate_bucket is 'Tokens that no process has taken; unlogged, so that taking some costs no fsync: after a crash the buckets are full';
comment on column rate_bucket.level is 'as it was at that time; it has been filling since';
comment on column rate_bucket.granted is 'what was taken then';

table result_event (
  reference_id uuid not null,
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  event text not null,
  status text not null,
  body text not null,
  created_at timestamp with time zone not null,
  "position" bigint not null
) partition by RANGE (reference_id);
constraint result_event_pkey on result_event PRIMARY KEY (reference_id);
constraint result_event_status_check on result_event CHECK ((status = ANY (ARRAY['success'::text, 'error'::text])));
CREATE INDEX result_event_feed ON ONLY result_event USING btree (ats_id, "position");
CREATE UNIQUE INDEX result_event_pkey ON ONLY result_event USING btree (reference_id);
comment on table result_event is 'Its key is the flow''s: at most one result for each flow';
comment on column result_event."position" is 'within the account, in the order of commit, without a gap';

table retention_floor (
  singleton boolean not null default true,
  reference_id uuid not null default '00000000-0000-0000-0000-000000000000'::uuid
);
constraint retention_floor_pkey on retention_floor PRIMARY KEY (singleton);
constraint retention_floor_singleton_check on retention_floor CHECK (singleton);
CREATE UNIQUE INDEX retention_floor_pkey ON retention_floor USING btree (singleton);
comment on table retention_floor is 'One row: flows before it are being dropped, or gone, and are not redelivered';

table scoring_task (
  reference_id uuid not null,
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  application_id text collate "C" not null,
  application_created_at timestamp with time zone,
  data json not null,
  callback_token text not null,
  answer json,
  last_fault text,
  deadline_at timestamp with time zone not null,
  attempt integer not null default 0,
  failures smallint not null default 0,
  available_at timestamp with time zone not null default now(),
  leased_until timestamp with time zone not null default '-infinity'::timestamp with time zone
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=500, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0.2);
constraint scoring_task_pkey on scoring_task PRIMARY KEY (reference_id);
CREATE INDEX scoring_task_due ON scoring_task USING btree (ats_id, available_at, reference_id);
CREATE UNIQUE INDEX scoring_task_pkey ON scoring_task USING btree (reference_id);
comment on table scoring_task is 'An application.created whose result waits, with its place kept in the outbox, for its score';
comment on column scoring_task.application_created_at is 'tells this application from a later one of its id; null: it was gone within the same batch';
comment on column scoring_task.data is 'the application as its creation left it';
comment on column scoring_task.answer is 'what a callback brought';
comment on column scoring_task.attempt is 'the fence: counts claims';

table upload (
  carv_file_id uuid not null,
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  state text not null,
  file_name text,
  content_type text,
  file_size integer,
  uploaded_at timestamp with time zone,
  expires_at timestamp with time zone,
  reserved_by uuid,
  entity text collate "C",
  entity_id text collate "C",
  bound boolean not null default false,
  sweep_at timestamp with time zone
);
constraint upload_check on upload CHECK (((state <> 'stored'::text) OR (ROW(file_name, content_type, file_size, uploaded_at, expires_at) IS NOT NULL)));
constraint upload_check1 on upload CHECK ((((reserved_by IS NULL) = (entity IS NULL)) AND ((entity IS NULL) = (entity_id IS NULL))));
constraint upload_check2 on upload CHECK (((reserved_by IS NOT NULL) OR (NOT bound)));
constraint upload_pkey on upload PRIMARY KEY (carv_file_id);
constraint upload_state_check on upload CHECK ((state = ANY (ARRAY['pending'::text, 'stored'::text, 'released'::text])));
CREATE UNIQUE INDEX upload_pkey ON upload USING btree (carv_file_id);
CREATE INDEX upload_sweep ON upload USING btree (sweep_at) WHERE (sweep_at IS NOT NULL);
comment on table upload is 'A row is there before its file and goes after it: pending, then stored, then released for the sweeper';
comment on column upload.reserved_by is 'The first write that named it; with entity and entity_id, whose file it is';
comment on column upload.bound is 'A write has put it into its entity, with which it is kept';
comment on column upload.sweep_at is 'When the sweeper takes it; null while it is reserved or bound';

table vacancy (
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  vacancy_id text collate "C" not null,
  data json not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null
);
constraint vacancy_pkey on vacancy PRIMARY KEY (ats_id, client_id, vacancy_id);
CREATE UNIQUE INDEX vacancy_pkey ON vacancy USING btree (ats_id, client_id, vacancy_id);
CREATE INDEX vacancy_updated ON vacancy USING btree (ats_id, client_id, updated_at, vacancy_id);

table workspace (
  ats_id text collate "C" not null,
  client_id text collate "C" not null,
  name text,
  admin_name text,
  admin_email text,
  provisioned_at timestamp with time zone,
  updated_at timestamp with time zone
);
constraint workspace_ats_id_fkey on workspace FOREIGN KEY (ats_id) REFERENCES account(ats_id);
constraint workspace_pkey on workspace PRIMARY KEY (ats_id, client_id);
CREATE UNIQUE INDEX workspace_pkey ON workspace USING btree (ats_id, client_id);
CREATE INDEX workspace_updated ON workspace USING btree (ats_id, updated_at, client_id) WHERE (provisioned_at IS NOT NULL);
comment on table workspace is 'A row is the gate for entity writes, made when its provisioning is accepted, and the lane that serialises processing';
comment on column workspace.provisioned_at is 'null: accepted, not processed yet';

table workspace_clock (
  ats_id text collate "C" not null,
  at timestamp with time zone not null,
  changes integer not null default 0
);
constraint workspace_clock_pkey on workspace_clock PRIMARY KEY (ats_id);
CREATE UNIQUE INDEX workspace_clock_pkey ON workspace_clock USING btree (ats_id);
comment on table workspace_clock is 'Its row is locked from a change of an account''s workspaces to the commit, so they become visible in the order of updated_at';
comment on column workspace_clock.at is 'the greatest updated_at that was given';
comment on column workspace_clock.changes is 'how many the last change gave, a microsecond apart';
