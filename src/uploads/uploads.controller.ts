import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { Documented } from '../http/documented';
import { clientIdHeader } from '../http/headers';
import { UPLOAD_SCHEMA, UPLOADED_SCHEMA } from './upload-schemas';
import { Uploads, type UploadedFile } from './uploads.service';

@Auth('api-key')
@Controller('uploads')
export class UploadsController {
  constructor(private readonly uploads: Uploads) {}

  @Post()
  @HttpCode(200)
  @Documented({
    id: 'uploadFile',
    tag: 'Uploads',
    summary: 'Upload a file',
    description:
      'A PDF, DOC or DOCX of at most 10 MiB; the type is told from its bytes. It expires after 72 hours unless a write ' +
      'names its `carv_file_id`; then it is kept with that entity, and is of no other.',
    context: 'workspace',
    body: { shape: UPLOAD_SCHEMA, types: ['multipart/form-data'] },
    answers: { 200: { description: 'It is stored', shape: UPLOADED_SCHEMA } },
    refuses: [408, 409],
  })
  upload(@Req() request: Request, @CallerOf() caller: Caller): Promise<UploadedFile> {
    return this.uploads.receive(caller, clientIdHeader(request), request);
  }
}
