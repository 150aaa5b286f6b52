import { Controller, Get, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Auth } from '../../auth/caller';
import { DomainError } from '../../errors';
import { Undocumented } from '../../http/documented';
import { findAsset } from './assets';

@Auth('none')
@Undocumented('part of a page for people')
@Controller('portal/assets')
export class AssetsController {
  @Get(':file')
  serve(@Param('file') file: string, @Res() response: Response): void {
    const asset = findAsset(file);
    if (asset === undefined) throw new DomainError('not_found', 'There is no such file');
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    response.setHeader('Content-Type', asset.type);
    response.end(asset.body);
  }
}
