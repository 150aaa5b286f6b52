import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import { DEMO } from '../accounts/demo';
import { Auth } from '../auth/caller';
import { Clock } from '../database/clock';
import { unauthorized } from '../errors';
import { Undocumented } from '../http/documented';
import { parseJson } from '../http/json';
import { verify } from '../signing/signature';
import { Receipts, type Receipt } from './receipts.service';

/** Stands in, in development, for the endpoint of the demo account; a good pattern for one's own. */
@Undocumented("stands in for an ATS's own endpoint, in development only")
@Auth('none')
@Controller('dev/receiver')
export class DevReceiverController {
  constructor(
    private readonly clock: Clock,
    private readonly receipts: Receipts,
  ) {}

  @Post()
  @HttpCode(200)
  receive(@Req() request: Request): object {
    const signature = request.headers['x-webhook-signature'];
    const header = typeof signature === 'string' ? signature : undefined;
    const verified = verify(header, request.rawBody, [DEMO.outgoingSecret], this.clock.unixSeconds()).valid;
    this.receipts.add({
      received_at: new Date(this.clock.now()).toISOString(),
      verified,
      headers: webhookHeaders(request),
      body: readable(request.rawBody),
    });
    if (!verified) throw unauthorized();
    return { received: true };
  }

  /** The last 100 requests, newest first. */
  @Get()
  list(): readonly Receipt[] {
    return this.receipts.list();
  }
}

function webhookHeaders(request: Request): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      /^(x-webhook|x-carv|webhook-|content-type|user-agent)/.test(name) ? [[name, String(value)]] : [],
    ),
  );
}

function readable(body: Buffer): unknown {
  try {
    return parseJson(body);
  } catch {
    return body.toString();
  }
}
