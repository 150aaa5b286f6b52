import type { JsonSchema } from '../http/json-schema';

/** A header as OpenAPI describes it; of a request it becomes a parameter. */
interface HeaderDocs {
  readonly description: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

const ID: JsonSchema = { type: 'string', minLength: 1, maxLength: 200 };

const REQUEST_HEADERS: Readonly<Record<string, HeaderDocs>> = {
  'X-ATS-Client-ID': {
    description: "The client's id in the ATS: it names the workspace. Its characters beyond ASCII are UTF-8.",
    required: true,
    schema: ID,
    example: 'your-client-id',
  },
  'X-ATS-User-ID': {
    description: "The user's id in the ATS, on whose behalf the request is made; one that is unknown is recorded",
    required: true,
    schema: ID,
    example: 'your-user-id',
  },
  'Idempotency-Key': {
    description:
      'A name of your choice for this very write, kept for at least 24 hours: repeated with the same key it answers the ' +
      'same `reference_id` and takes effect once. With another body it is refused with `422`.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  },
  'If-None-Match': {
    description: 'The `ETag` of the version that you have; while it is the current one the answer is `304`',
    schema: { type: 'string' },
  },
};

export function requestParameters(): Record<string, object> {
  return parameters(REQUEST_HEADERS);
}

export const RESPONSE_HEADERS: Readonly<Record<string, HeaderDocs>> = {
  ETag: {
    description: 'Names this version, for `If-None-Match`',
    required: true,
    schema: { type: 'string', examples: ['"2026-02-25T10:30:00.123456Z"'] },
  },
  'Retry-After': {
    description: 'Seconds after which to try again',
    required: true,
    schema: { type: 'integer', minimum: 0, examples: [2] },
  },
  'RateLimit-Limit': {
    description: 'How many requests the account may make at once, where it is limited',
    schema: { type: 'integer', minimum: 1, examples: [100] },
  },
  'RateLimit-Remaining': {
    description: 'How many of these are left',
    schema: { type: 'integer', minimum: 0, examples: [99] },
  },
  'RateLimit-Reset': {
    description: 'Seconds until all of them are there again',
    schema: { type: 'integer', minimum: 0, examples: [1] },
  },
};

/** Of every answer to a known account, where accounts are limited. */
export const RATE_LIMIT_HEADERS = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const;

export function refToHeaders(names: readonly string[]): object {
  if (names.length === 0) return {};
  return { headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])) };
}

const REFERENCE_ID = '019db49a-860b-74cb-8199-635ca3ad7f59';
const SIGNATURE = `t=1772015400,v1=${'5d41402abc4b2a76b9719d911017c592'.repeat(2)}`;

/** A webhook's header; it must not be taken for a request's of the same name. */
export function webhookParameter(name: string): string {
  return `sent.${name}`;
}

export function webhookParameters(): Record<string, object> {
  return parameters(WEBHOOK_HEADERS, webhookParameter);
}

function parameters(headers: Readonly<Record<string, HeaderDocs>>, nameOf = (name: string) => name) {
  const all = Object.entries(headers).map(([name, docs]) => [nameOf(name), { name, in: 'header', ...docs }]);
  return Object.fromEntries(all) as Record<string, object>;
}

/** What the gateway sends with an outgoing webhook. */
export const WEBHOOK_HEADERS: Readonly<Record<string, HeaderDocs>> = {
  'X-Webhook-Signature': {
    description:
      '`t=<unix seconds>,v1=<hex>`, where `v1` is the HMAC-SHA256 of `<t>.<body>` with your outgoing secret. While a secret ' +
      'is being replaced there are several `v1`: one that verifies is enough. Refuse a `t` more than 300 seconds away.',
    required: true,
    schema: { type: 'string', pattern: '^t=\\d+(,v1=[0-9a-f]{64})+$' },
    example: SIGNATURE,
  },
  'X-Carv-Causation-ID': {
    description: 'The `reference_id` of the body',
    required: true,
    schema: { type: 'string', format: 'uuid' },
    example: REFERENCE_ID,
  },
  'X-Carv-Event': {
    description: 'The event type',
    required: true,
    schema: { type: 'string' },
    example: 'candidate.created',
  },
  'X-CarvOS-Test': {
    description: 'On what was sent from the sandbox, and on nothing else',
    schema: { const: 'true' },
    example: 'true',
  },
  'User-Agent': {
    description: 'Who sends',
    required: true,
    schema: { const: 'CarvOS-Webhooks/1' },
    example: 'CarvOS-Webhooks/1',
  },
  'webhook-id': {
    description: 'The `event_id` of the body (Standard Webhooks)',
    required: true,
    schema: { type: 'string' },
    example: `evt_${REFERENCE_ID.replaceAll('-', '')}`,
  },
  'webhook-timestamp': {
    description: 'When this attempt was signed, in unix seconds (Standard Webhooks)',
    required: true,
    schema: { type: 'string', pattern: '^\\d+$' },
    example: '1772015400',
  },
  'webhook-signature': {
    description: 'The same proof, as any library of the Standard Webhooks verifies it',
    required: true,
    schema: { type: 'string', pattern: '^v1,[A-Za-z0-9+/]+=*( v1,[A-Za-z0-9+/]+=*)*$' },
    example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  },
};
