import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { createHash } from 'node:crypto';
import { Auth } from '../auth/caller';
import { Env } from '../config/env';
import { Documented } from '../http/documented';
import { isUnchanged } from '../http/headers';
import { ApiDocument } from './document.service';

@Auth('none')
@Controller('openapi.json')
export class OpenApiController {
  private built?: { readonly json: string; readonly version: string };

  constructor(
    private readonly document: ApiDocument,
    private readonly env: Env,
  ) {}

  @Get()
  @Header('Cache-Control', 'no-cache')
  @Documented({
    id: 'getOpenApi',
    tag: 'Operations',
    summary: 'Read this document',
    headers: ['If-None-Match'],
    answers: {
      200: {
        description: 'The whole API as OpenAPI 3.1',
        shape: {
          type: 'object',
          required: ['openapi', 'paths'],
          properties: {
            openapi: { type: 'string', description: 'The version of OpenAPI', examples: ['3.1.0'] },
            paths: { type: 'object', description: 'The operations', additionalProperties: true },
          },
          additionalProperties: true,
        },
        headers: ['ETag'],
      },
      304: { description: 'It is still the version that `If-None-Match` names', headers: ['ETag'] },
    },
  })
  read(@Req() request: Request, @Res({ passthrough: true }) response: Response): string | undefined {
    const { json, version } = (this.built ??= this.build());
    if (isUnchanged(request, response, version)) return undefined;
    response.type('application/json');
    return json;
  }

  private build(): { json: string; version: string } {
    const json = JSON.stringify(this.document.describe(this.env.PUBLIC_URL));
    return { json, version: createHash('sha256').update(json).digest('base64url') };
  }
}
