import { Injectable, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { EventTypes } from '../event-types/event-types.service';
import { ACCEPTED_SCHEMA } from '../http/documented';
import { modelSchemas, type JsonSchemas } from '../http/json-schema';
import { incomingSchemas } from '../incoming-webhooks/incoming-schemas';
import { requestParameters, RESPONSE_HEADERS, webhookParameters } from './headers';
import { operationOf, type Operation } from './operation';
import { PROBLEM, problemResponses } from './problems';
import { routesOf } from './routes';
import { TAGS } from './tags';
import { usedComponents } from './used-components';
import { webhooksOf } from './webhooks';

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly [member: string]: unknown;
}

const DESCRIPTION = `Recruiting systems (ATS) push candidates, vacancies and applications over REST or signed webhooks.
Every write answers \`202\` with a \`reference_id\` once it is on disk, and from then on it is never lost. What became of it
arrives as a signed webhook, which is retried until it is delivered. Within a workspace writes take effect in the order of
their answers.`;

const SECURITY_SCHEMES = {
  'api-key': {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: "The account's API key",
  },
  'webhook-signature': {
    type: 'apiKey',
    in: 'header',
    name: 'X-Webhook-Signature',
    description:
      "`t=<unix seconds>,v1=<hex>`, where `v1` is the HMAC-SHA256 of `<t>.<body>` with the account's incoming secret, " +
      'over the very bytes that are sent. Several `v1` may be given.',
  },
} as const;

const INFO = {
  title: 'ATS gateway',
  version: '1.0.0',
  description: DESCRIPTION,
  license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
} as const;

@Injectable()
export class ApiDocument {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly eventTypes: EventTypes,
  ) {}

  /** @param server the address under which the API is reached */
  describe(server: string): OpenApiDocument {
    const chapters = Object.keys(TAGS);
    const routes = routesOf(this.modules)
      .flatMap(({ docs, ...route }) => (docs ? [{ ...route, docs }] : []))
      .sort((a, b) => chapters.indexOf(a.docs.tag) - chapters.indexOf(b.docs.tag));
    const bodies = routes.flatMap(({ docs }) => (typeof docs.body?.shape === 'function' ? [docs.body.shape] : []));
    const components = this.components(bodies);
    const paths: Record<string, Record<string, Operation>> = {};
    for (const route of routes) {
      const operation = operationOf(route, route.docs, components.schemas, schemaName);
      (paths[route.path] ??= {})[route.method.toLowerCase()] = operation;
    }
    const webhooks = webhooksOf(this.eventTypes.all());
    return {
      openapi: '3.1.0',
      info: INFO,
      servers: [{ url: server }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      paths,
      webhooks,
      components: {
        ...usedComponents({ paths, webhooks }, components),
        securitySchemes: SECURITY_SCHEMES,
      },
    };
  }

  private components(bodies: readonly Type[]) {
    const events = this.eventTypes.components;
    return {
      schemas: { ...events, ...bodySchemas(bodies), ...incomingSchemas(), Accepted: ACCEPTED_SCHEMA, Problem: PROBLEM },
      parameters: { ...requestParameters(), ...webhookParameters() },
      headers: { ...RESPONSE_HEADERS },
      responses: problemResponses(),
    };
  }
}

/** `CandidateDto`, whose delivered form is `Candidate`, is `NewCandidate`; a patch keeps its name. */
function schemaName({ name }: Type): string {
  return name.replace(/^(.*)Dto$/, 'New$1');
}

/** Of unknown fields a body is refused; the members of objects within it are the ATS's own. */
function bodySchemas(classes: readonly Type[]): JsonSchemas {
  const schemas = modelSchemas(classes);
  return Object.fromEntries(
    classes.map((type) => [schemaName(type), { ...schemas[type.name], additionalProperties: false }]),
  );
}
