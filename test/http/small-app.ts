import { Controller, Delete, Get, HttpException, Module, Param, Patch, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Type } from 'class-transformer';
import { IsArray, IsEmail, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import type { Request } from 'express';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { DomainError, unauthorized, unavailable } from '../../src/errors';
import { configureHttp } from '../../src/http/configure';
import { contextHeaders, idempotencyKey } from '../../src/http/headers';
import { JsonBody } from '../../src/http/json-body';
import { IsVisibleId, VisibleIdPipe } from '../../src/http/visible-id';
import { annotate, currentContext } from '../../src/observability/request-context';
import { until } from '../support/until';

export class FileReference {
  @IsVisibleId()
  carv_file_id!: string;
}

export class Person {
  @IsVisibleId()
  id!: string;

  @IsOptional()
  @IsEmail()
  email?: string;

  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  skills?: string[];

  @IsOptional()
  @ValidateNested()
  @Type(() => FileReference)
  cv?: FileReference;

  @IsOptional()
  @IsObject()
  custom_fields?: Record<string, unknown>;
}

@Controller()
class Doors {
  @Post('people')
  create(@JsonBody(Person) person: Person): object {
    annotate({ ats_id: 'acme', reference_id: 'ref-1' });
    return { person, seen: currentContext()?.requestId };
  }

  @Patch('people/:id')
  change(@JsonBody(Person, { mergePatch: true }) person: Person): object {
    return person;
  }

  @Delete('people/:id')
  remove(@Param('id', VisibleIdPipe) id: string): object {
    return { id };
  }

  @Post('echo')
  echo(@Req() req: Request): object {
    return { bytes: req.rawBody.length, head: req.rawBody.toString('latin1', 0, 16) };
  }

  @Get('headers')
  headers(@Req() req: Request): object {
    return { ...contextHeaders(req), key: idempotencyKey(req) ?? null };
  }

  @Get('abandoned/:code')
  async abandoned(@Req() req: Request, @Param('code') code: string): Promise<never> {
    await new Promise((resolve) => req.socket.once('close', resolve));
    throw Object.assign(new Error('after the client left'), { code });
  }

  @Get('fails/:how')
  fail(@Param('how') how: string): never {
    if (how === 'unauthorized') throw unauthorized();
    if (how === 'unavailable') throw unavailable();
    if (how === 'conflict') throw new DomainError('conflict', 'The workspace is not provisioned');
    if (how === 'http') throw new HttpException('secret path /etc/passwd', 405);
    if (how === 'string') throw 'a bare string'; // eslint-disable-line @typescript-eslint/only-throw-error -- a promise of the filter
    throw new Error('boom with hunter2', { cause: new Error('disk full') });
  }
}

@Module({ controllers: [Doors] })
class SmallModule {}

export interface SmallApp {
  url: string;
  port: number;
  close: () => Promise<void>;
}

/** A Nest application with nothing but the HTTP front, listening on a port of its own. */
export async function startSmallApp(): Promise<SmallApp> {
  const app = await NestFactory.create<NestExpressApplication>(SmallModule, { bodyParser: false, logger: false });
  configureHttp(app);
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpServer();
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    // fetch opens spare connections, and close() alone waits for those on which no request ever came.
    server.closeAllConnections();
    await app.close();
  };
  return { url: `http://127.0.0.1:${port}`, port, close };
}

/** Writes bytes to a fresh connection and returns all that came back until the server closed it. */
export function exchange(port: number, ...parts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part);
    });
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

/** Collects the lines that `configureLogger` is given this sink for. */
export class LogLines {
  readonly lines: Record<string, unknown>[] = [];

  write(line: string): void {
    this.lines.push(JSON.parse(line) as Record<string, unknown>);
  }

  named(message: string): Record<string, unknown>[] {
    return this.lines.filter((line) => line.msg === message);
  }

  /** The first line of that name; waits, since a request's line follows its answer. */
  async first(message: string): Promise<Record<string, unknown>> {
    return until(`a line ${message}`, () => this.named(message)[0]);
  }
}
