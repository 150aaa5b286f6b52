import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { Documented } from '../http/documented';
import { clientIdHeader } from '../http/headers';
import { UPLOAD_DOCS } from './uploads-docs';
import { Uploads, type UploadedFile } from './uploads.service';

@Auth('api-key')
@Controller('uploads')
export class UploadsController {
  constructor(private readonly uploads: Uploads) {}

  @Post()
  @HttpCode(200)
  @Documented(UPLOAD_DOCS)
  upload(@Req() request: Request, @CallerOf() caller: Caller): Promise<UploadedFile> {
    return this.uploads.receive(caller, clientIdHeader(request), request);
  }
}
