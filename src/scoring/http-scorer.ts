import type { OnApplicationShutdown } from '@nestjs/common';
import { Agent, request, type Dispatcher } from 'undici';
import type { Clock } from '../database/clock';
import { DomainError } from '../errors';
import { isObject, parseJson } from '../http/json';
import { validateBody } from '../http/validate-body';
import { signatureHeader } from '../signing/signature';
import type { Material } from './baseline';
import { ScoreAnswer } from './score.dto';
import type { ScoringOutcome, ScoringRequest, ScoringService } from './scoring.service';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 128 * 1024;
const MAX_HEADER_BYTES = 16_384;

export interface Scorer {
  /** The operator's own, so it may be private; no redirect leads away from it. */
  readonly url: string;
  readonly secret: string;
  /** Where this gateway is reached, for the callback. */
  readonly publicUrl: string;
}

/**
 * Asks a scorer outside, by one signed request. It answers 200 with the score, or 202 and later calls back; anything else
 * is trouble, and the request will be made again, with the same token.
 */
export class HttpScorer implements ScoringService, OnApplicationShutdown {
  readonly name = 'external';
  private readonly agent = new Agent({
    maxHeaderSize: MAX_HEADER_BYTES,
    maxResponseSize: MAX_ANSWER_BYTES,
    connect: { timeout: TIMEOUT_MS },
    allowH2: false,
  });

  constructor(
    private readonly scorer: Scorer,
    private readonly clock: Clock,
  ) {}

  async score(asked: ScoringRequest, signal: AbortSignal): Promise<ScoringOutcome> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const { statusCode, body } = await this.post(asked, AbortSignal.any([signal, timeout]));
      // The answer's end counts as well: a scorer that never ends it must not hold the task.
      const answer = Buffer.from(await body.arrayBuffer());
      if (statusCode === 202) return { kind: 'later' };
      if (statusCode !== 200) return failed(`the scorer answered ${statusCode}`);
      const { score, reasons } = understood(answer);
      return { kind: 'scored', score, reasons };
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) return failed('the scorer did not answer in time');
      if (error instanceof DomainError) return failed(`the scorer's answer was not valid: ${error.message}`);
      return failed('the scorer could not be reached');
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }

  private post(asked: ScoringRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const body = Buffer.from(JSON.stringify(this.question(asked)));
    return request(this.scorer.url, {
      dispatcher: this.agent,
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'CarvOS-Webhooks/1',
        'X-Carv-Causation-ID': asked.referenceId,
        'X-Webhook-Signature': signatureHeader([this.scorer.secret], this.clock.unixSeconds(), body),
      },
      body,
      signal,
    });
  }

  private question({ referenceId, atsId, clientId, callbackToken, remainingMs, material }: ScoringRequest): object {
    return {
      reference_id: referenceId,
      ats_id: atsId,
      client_id: clientId,
      application: material.application,
      candidate: material.candidate,
      vacancy: material.vacancy,
      ...cvFields(material),
      callback_url: `${this.scorer.publicUrl}/internal/v1/scores/${referenceId}`,
      callback_token: callbackToken,
      deadline: new Date(this.clock.now() + remainingMs).toISOString(),
    };
  }
}

function cvFields({ cv }: Material): { cv_text: string | null; cv_fault: string | null } {
  if (cv === null) return { cv_text: null, cv_fault: null };
  return 'text' in cv ? { cv_text: cv.text, cv_fault: null } : { cv_text: null, cv_fault: cv.fault };
}

/** @throws {DomainError} when it is no score; members beside the two are the scorer's own */
function understood(answer: Buffer): ScoreAnswer {
  const value = parseJson(answer);
  const { score, reasons } = isObject(value) ? value : {};
  return validateBody(ScoreAnswer, { score, reasons });
}

function failed(fault: string): ScoringOutcome {
  return { kind: 'failed', fault };
}
