import { Logger } from '@nestjs/common';
import { readEnv } from '../../src/config/read-env';
import { configureLogger, logger } from '../../src/observability/logger';
import { NestLog } from '../../src/observability/nest-log';
import { annotate, runInContext } from '../../src/observability/request-context';
import { LogLines } from '../http/small-app';

let log: LogLines;

const open = (settings: Record<string, string>): void =>
  configureLogger(readEnv({ NODE_ENV: 'test', ...settings }), (log = new LogLines()));

describe('the log', () => {
  it('is silent in tests unless a level is asked for', () => {
    open({});
    logger.error('unheard');
    expect(log.lines).toEqual([]);
    open({ LOG_LEVEL: 'warn' });
    logger.info('unheard');
    logger.warn('heard');
    expect(log.lines.map((line) => line.msg)).toEqual(['heard']);
  });

  it('prints no secret, at any depth, in any spelling', () => {
    open({ LOG_LEVEL: 'debug' });
    logger.info(
      {
        api_key: 'hunter2',
        apiKey: 'hunter2',
        headers: { Authorization: 'hunter2', 'X-API-Key': 'hunter2', cookie: 'hunter2', 'Set-Cookie': ['hunter2'] },
        a: [{ b: { incoming_webhook_secret: 'hunter2', portal_password: { nested: 'hunter2' } } }],
        'x-webhook-signature': 'hunter2',
        ats_id: 'acme',
      },
      'line',
    );
    expect(JSON.stringify(log.lines)).not.toContain('hunter2');
    expect(log.lines[0]).toMatchObject({ ats_id: 'acme', api_key: '[redacted]', headers: { cookie: '[redacted]' } });
  });

  it('keeps of an error its message, code, stack and causes, not what a driver hung on it', () => {
    open({ LOG_LEVEL: 'debug' });
    const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    const err = Object.assign(new Error('query failed', { cause }), {
      parameters: ['hunter2'],
      query: 'insert hunter2',
    });
    logger.error({ err }, 'trouble');
    expect(JSON.stringify(log.lines)).not.toContain('hunter2');
    expect(log.lines[0]?.err).toMatchObject({
      type: 'Error',
      message: 'query failed',
      stack: expect.stringContaining('logger.spec'),
      cause: { message: 'connect refused', code: 'ECONNREFUSED' },
    });
  });

  it('tells the reason inside an AggregateError, which has no message of its own', () => {
    open({ LOG_LEVEL: 'debug' });
    logger.error({ err: new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]) }, 'trouble');
    expect(log.lines[0]?.err).toMatchObject({ cause: { message: '::1 refused' } });
  });

  it('survives fields that refer to themselves or are deeper than is worth printing', () => {
    open({ LOG_LEVEL: 'debug' });
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    logger.info({ loop }, 'line');
    expect(log.lines).toHaveLength(1);
  });

  it('names the request in every line of its work', () => {
    open({ LOG_LEVEL: 'debug' });
    const fields = {};
    runInContext({ requestId: 'req-1', fields }, () => {
      logger.info('inside');
      annotate({ ats_id: 'acme' });
    });
    annotate({ ats_id: 'lost' });
    logger.info('outside');
    expect(log.lines.map((line) => line.request_id)).toEqual(['req-1', undefined]);
    expect(fields).toEqual({ ats_id: 'acme' });
  });
});

describe('Nest’s own lines', () => {
  beforeEach(() => {
    open({ LOG_LEVEL: 'debug' });
    Logger.overrideLogger(new NestLog());
  });
  afterEach(() => Logger.overrideLogger(false));

  it('go through the log: chatter at debug, warnings and errors as they are', () => {
    const nest = new Logger('InstanceLoader');
    nest.log('module initialised');
    nest.warn('careful');
    nest.error('failed', new Error('why').stack);
    nest.error(new Error('thrown'));
    expect(log.lines.map(({ level, msg, context }) => [level, msg, context])).toEqual([
      ['debug', 'module initialised', 'InstanceLoader'],
      ['warn', 'careful', 'InstanceLoader'],
      ['error', 'failed', 'InstanceLoader'],
      ['error', 'thrown', 'InstanceLoader'],
    ]);
    expect(log.lines[2]?.stack).toContain('Error: why');
    expect(log.lines[3]?.err).toMatchObject({ message: 'thrown' });
  });

  it('leave the usual level quiet', () => {
    open({ LOG_LEVEL: 'warn' });
    new Logger('RoutesResolver').log('mapped a route');
    expect(log.lines).toEqual([]);
  });
});
