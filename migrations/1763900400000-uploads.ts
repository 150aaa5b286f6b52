import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Uploads1763900400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table upload (
        carv_file_id uuid primary key,
        ats_id       text collate "C" not null,
        client_id    text collate "C" not null,
        state        text not null check (state in ('pending', 'stored', 'released')),
        file_name    text,
        content_type text,
        file_size    integer,
        uploaded_at  timestamptz,
        expires_at   timestamptz,
        reserved_by  uuid,
        entity       text collate "C",
        entity_id    text collate "C",
        bound        boolean not null default false,
        sweep_at     timestamptz,
        check (state <> 'stored' or (file_name, content_type, file_size, uploaded_at, expires_at) is not null),
        check ((reserved_by is null) = (entity is null) and (entity is null) = (entity_id is null)),
        check (reserved_by is not null or not bound)
      );
      create index upload_sweep on upload (sweep_at) where sweep_at is not null;
      comment on table upload is
        'A row is there before its file and goes after it: pending, then stored, then released for the sweeper';
      comment on column upload.reserved_by is 'The first write that named it; with entity and entity_id, whose file it is';
      comment on column upload.bound is 'A write has put it into its entity, with which it is kept';
      comment on column upload.sweep_at is 'When the sweeper takes it; null while it is reserved or bound'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table upload');
  }
}
