import type { DynamicModule } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { EventTypes } from '../event-types/event-types.service';
import { ApiDocument, type OpenApiDocument } from './document.service';

/** The document of an application that is not started: no provider of it is made, no database is reached. */
export async function describeModule(module: DynamicModule, server: string): Promise<OpenApiDocument> {
  const app = await NestFactory.create(module, { preview: true, logger: ['error'], abortOnError: false });
  return new ApiDocument(app.get(ModulesContainer), new EventTypes()).describe(server);
}
