import { Get, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Accounts } from '../../accounts/accounts.service';
import { AccountOf } from '../../auth/visitor';
import { TestSends } from '../endpoint/test-sends.service';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import { TESTS } from '../throttle/throttle-rules';
import { Throttle, tooMany } from '../throttle/throttle.service';
import type { Answer } from './answer';
import { TestPayloads, type Choice } from './test-payloads.service';
import { TestingPage } from './testing.page';

@PortalController('testing')
export class TestingController {
  constructor(
    private readonly pages: Pages,
    private readonly accounts: Accounts,
    private readonly payloads: TestPayloads,
    private readonly sends: TestSends,
    private readonly throttle: Throttle,
  ) {}

  @Get()
  async show(
    @AccountOf() atsId: string,
    @Query() query: { event?: unknown; sample?: unknown },
    @Res() response: Response,
  ): Promise<void> {
    const choice = this.payloads.choose(query.event, query.sample);
    await this.showWith(response, atsId, choice, await this.payloads.sample(atsId, choice), null);
  }

  /** Sends only when asked to; whatever comes of it, the answer holds the text as it was written. */
  @Post()
  async submit(@AccountOf() atsId: string, @Form() form: URLSearchParams, @Res() response: Response): Promise<void> {
    const choice = this.payloads.choose(form.get('event') ?? undefined, form.get('sample'));
    const text = (form.get('payload') ?? '').replaceAll('\r\n', '\n');
    const answer = await this.answer(response, atsId, choice, text, form.get('do') === 'send');
    await this.showWith(response, atsId, choice, text, answer);
  }

  private async answer(
    response: Response,
    atsId: string,
    choice: Choice,
    text: string,
    wanted: boolean,
  ): Promise<Answer> {
    const reading = this.payloads.read(choice.type, text);
    if (!('test' in reading)) return { kind: 'faults', ...reading };
    const { test } = reading;
    if (!wanted) return { kind: 'preview', status: 200, test };
    const { endpoint } = await this.accounts.find(atsId);
    if (endpoint.url === null) return { kind: 'refused', status: 409, why: 'There is no webhook URL to send it to.' };
    const waitMs = await this.throttle.take([{ what: `test ${atsId}`, rule: TESTS }]);
    if (waitMs > 0) {
      const { message, retryAfter = 1 } = tooMany(waitMs);
      response.setHeader('Retry-After', retryAfter);
      return { kind: 'refused', status: 429, why: `${message}.` };
    }
    const sent = await this.sends.send(atsId, endpoint.url, test);
    return { kind: 'sent', status: 200, url: endpoint.url, test, sent };
  }

  private async showWith(
    response: Response,
    atsId: string,
    choice: Choice,
    text: string,
    answer: Answer | null,
  ): Promise<void> {
    const { endpoint } = await this.accounts.find(atsId);
    const page = <TestingPage {...{ endpoint, choice, text, answer }} types={this.payloads.all()} />;
    await this.pages.show(response, page, answer?.status ?? 200);
  }
}
