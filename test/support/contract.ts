import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';

/* eslint-disable @typescript-eslint/no-explicit-any -- a document of OpenAPI is JSON of many shapes */
type Json = any;

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly body: Json;
  readonly secured: boolean;
  readonly statuses: readonly number[];
  /** The names of its parameters of this kind. */
  parameters(kind: 'header' | 'path' | 'query'): string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** An OpenAPI document as something that real traffic is held against. */
export class Contract {
  readonly operations: readonly Operation[];
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction>();

  constructor(readonly document: Json) {
    addFormats(this.ajv);
    this.ajv.addSchema(closed(document) as object, 'document');
    this.operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, operation]) => this.operation(path, method, operation)),
    );
  }

  /** What is wrong with an answer of this operation; nothing is. */
  faultsOf({ path, method }: Operation, { status, headers, text }: Answer): string[] {
    const found = this.resolve(['paths', path, method, 'responses', String(status)]);
    if (found === undefined) return [`status ${status} is not in the document: ${text}`];
    const { pointer, value } = found;
    const faults = this.headerFaults([...pointer, 'headers'], headers);
    if (value.content === undefined) return text === '' ? faults : [...faults, `${status} has a body: ${text}`];
    const type = (headers.get('content-type') ?? '').split(';')[0]!.trim();
    if (!(type in value.content)) return [...faults, `${status} is of the type ${type}`];
    return [...faults, ...this.validate([...pointer, 'content', type, 'schema'], JSON.parse(text))];
  }

  /** Whether the document lets this body be sent. */
  bodyFaults({ path, method }: Operation, body: unknown, type = 'application/json'): string[] {
    return this.validate(['paths', path, method, 'requestBody', 'content', type, 'schema'], body);
  }

  webhookFaults(event: string, body: unknown, headers: Readonly<Record<string, unknown>>): string[] {
    const webhook = this.document.webhooks[event]?.post;
    if (webhook === undefined) return [`${event} is not in the document`];
    const faults = (webhook.parameters as Json[]).flatMap((_, index) => {
      const { pointer, value } = this.resolve(['webhooks', event, 'post', 'parameters', String(index)])!;
      const sent = headers[(value.name as string).toLowerCase()];
      if (sent === undefined) return value.required ? [`${value.name as string} is missing`] : [];
      return this.validate([...pointer, 'schema'], sent).map((fault) => `${value.name as string}: ${fault}`);
    });
    const at = ['webhooks', event, 'post', 'requestBody', 'content', 'application/json'];
    return [...faults, ...this.validate([...at, 'schema'], body)];
  }

  /** What stands there in the document, references followed. */
  resolve(pointer: string[]): { pointer: string[]; value: Json } | undefined {
    let value = this.document;
    for (const key of pointer) value = value?.[key];
    if (value === undefined) return undefined;
    return typeof value.$ref === 'string'
      ? this.resolve((value.$ref as string).slice(2).split('/'))
      : { pointer, value };
  }

  private headerFaults(pointer: string[], headers: Headers): string[] {
    return Object.keys((this.resolve(pointer)?.value ?? {}) as object).flatMap((name) => {
      const found = this.resolve([...pointer, name])!;
      const sent = headers.get(name);
      if (sent === null) return found.value.required ? [`the header ${name} is missing`] : [];
      const value = found.value.schema.type === 'integer' ? Number(sent) : sent;
      return this.validate([...found.pointer, 'schema'], value).map((fault) => `${name}: ${fault}`);
    });
  }

  private validate(pointer: readonly string[], value: unknown): string[] {
    const path = pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
    const validate = this.validators.get(path) ?? this.ajv.compile({ $ref: `document#/${path}` });
    this.validators.set(path, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
  }

  private operation(path: string, method: string, operation: Json): Operation {
    const parameters = ((operation.parameters ?? []) as Json[]).map(
      (_, index) => this.resolve(['paths', path, method, 'parameters', String(index)])!.value,
    );
    return {
      id: operation.operationId,
      method,
      path,
      body: operation.requestBody,
      secured: operation.security.length > 0,
      statuses: Object.keys(operation.responses as object).map(Number),
      parameters: (kind) => parameters.filter((p) => p.in === kind).map((p) => p.name),
    };
  }
}

/** A copy that allows no member which it does not describe: what we send and do not document is a fault. */
function closed(value: Json): Json {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value as object).map(([key, member]) => [key, closed(member)]));
  const described = copy.type === 'object' && typeof copy.properties === 'object' && !('additionalProperties' in copy);
  return described ? { ...copy, unevaluatedProperties: false } : copy;
}
