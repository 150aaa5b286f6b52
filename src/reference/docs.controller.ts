import { Controller, Get, Header, Param, Res, StreamableFile } from '@nestjs/common';
import type { Response } from 'express';
import { Auth } from '../auth/caller';
import { DomainError } from '../errors';
import { Undocumented } from '../http/documented';
import { DEMO } from '../accounts/demo';
import { DemoAccount } from '../ops/demo-account.service';
import { readAssets, versionOf, type Asset, type AssetName } from './assets';

/** Nothing from elsewhere, nothing inline; the images that the style sheet brings along are `data:`. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The reference for people, in which every operation can be tried out. */
@Undocumented('a page for people')
@Auth('none')
@Controller('docs')
export class DocsController {
  private readonly assets: ReadonlyMap<string, Asset> = readAssets();
  private readonly version = versionOf(this.assets);

  constructor(private readonly demo: DemoAccount) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  @Header('Content-Security-Policy', POLICY)
  @Header('Referrer-Policy', 'no-referrer')
  page(): string {
    const address = (name: AssetName): string => `/docs/assets/${this.version}/${name}`;
    return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>ATS gateway: API reference</title>
    <link rel="icon" type="image/png" href="${address('favicon-32x32.png')}">
    <link rel="stylesheet" href="${address('swagger-ui.css')}">
    <link rel="stylesheet" href="${address('docs.css')}">
  </head>
  <body>
    <div id="reference"${this.credentials()}></div>
    <script src="${address('swagger-ui-bundle.js')}"></script>
    <script src="${address('docs.js')}"></script>
  </body>
</html>
`;
  }

  @Get('assets/:version/:name')
  asset(
    @Param('version') version: string,
    @Param('name') name: string,
    @Res({ passthrough: true }) response: Response,
  ): StreamableFile {
    const asset = version === this.version ? this.assets.get(name) : undefined;
    if (asset === undefined) throw new DomainError('not_found', 'There is no such file');
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    return new StreamableFile(asset.content, { type: asset.type, length: asset.content.length });
  }

  /** Only where there is a demo account; its credentials are published anyway. */
  private credentials(): string {
    if (!this.demo.present) return '';
    return ` data-api-key="${DEMO.apiKey}" data-incoming-secret="${DEMO.incomingSecret}"`;
  }
}
