import { Module } from '@nestjs/common';
import { Env } from '../config/env';
import { FILE_STORAGE, type FileStorage } from './file-storage';
import { LocalStorage } from './local-storage';
import { S3Storage } from './s3-storage';
import { NamedFiles } from './named-files.service';
import { Sweeper } from './sweeper.service';
import { UploadsController } from './uploads.controller';
import { storedDirectory } from './uploads.directories';
import { Uploads } from './uploads.service';

function storageOf(env: Env): FileStorage {
  return env.s3 === undefined ? new LocalStorage(storedDirectory(env)) : new S3Storage(env.s3);
}

@Module({
  providers: [{ provide: FILE_STORAGE, inject: [Env], useFactory: storageOf }],
  exports: [FILE_STORAGE],
})
export class FileStorageModule {}

/** Whose file is whose; nothing of it touches the storage. */
@Module({ providers: [NamedFiles], exports: [NamedFiles] })
export class NamedFilesModule {}

/** Who stores files also removes them: without a bucket they lie on this machine. */
@Module({ imports: [FileStorageModule], controllers: [UploadsController], providers: [Uploads, Sweeper] })
export class UploadsApiModule {}
