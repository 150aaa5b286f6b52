import { Get, Res, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';
import { DEMO } from '../../accounts/demo';
import { AccountOf } from '../../auth/visitor';
import { Receipts } from '../../dev-receiver/receipts.service';
import { DomainError } from '../../errors';
import { PortalController } from '../page/portal-controller';

const MAX_STREAMS = 10;
const HEARTBEAT_MS = 15_000;
/** Then the browser comes again, and its session is judged anew. */
const STREAM_MS = 300_000;
const RETRY_MS = 2000;

/** Tells an open Overview that the receiver of the demo account got something; the page then reads itself again. */
@PortalController('received')
export class ReceivedController implements OnModuleDestroy {
  private readonly open = new Set<Response>();
  private stopping = false;

  constructor(private readonly receipts: Receipts) {}

  @Get()
  stream(@AccountOf() atsId: string, @Res() response: Response): void {
    if (!this.receipts.possible || atsId !== DEMO.atsId) {
      throw new DomainError('not_found', 'There is nothing at this address');
    }
    // Who left while the guard asked the database is gone for good: no 'close' will come that could clear up.
    if (response.destroyed) return;
    if (this.open.size >= MAX_STREAMS) throw new DomainError('rate_limited', 'Too many pages are open', [], 60);
    // The browser takes it for a lost connection, and comes again when the gateway has.
    if (this.stopping) return void response.destroy();
    // Its connection ends with it: one kept alive would hold up the end of the gateway.
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      Connection: 'close',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.follow(response);
  }

  /** Before the server waits for its connections. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const response of this.open) response.end();
  }

  private follow(response: Response): void {
    const write = (text: string): void => {
      if (!response.writableEnded) response.write(`${text}\n\n`);
    };
    const tell = (): void => {
      write(`event: received\ndata: ${this.receipts.count}`);
    };
    const heartbeat = setInterval(() => {
      write(': still here');
    }, HEARTBEAT_MS);
    const end = setTimeout(() => response.end(), STREAM_MS);
    const forget = this.receipts.listen(tell);
    this.open.add(response);
    response.on('close', () => {
      clearInterval(heartbeat);
      clearTimeout(end);
      forget();
      this.open.delete(response);
    });
    tell();
  }
}
