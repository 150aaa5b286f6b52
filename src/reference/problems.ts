import { STATUS_CODES } from 'node:http';
import type { JsonSchema } from '../http/json-schema';
import { RATE_LIMIT_HEADERS, refToHeaders } from './headers';

/** What a refusal means, whichever route it is of. */
const MEANINGS: Readonly<Record<number, string>> = {
  400: 'It could not be understood: the body or the address is malformed',
  401: 'The proof of who you are is missing, wrong or no longer valid',
  404: 'There is no such thing, or it is not yours',
  408: 'The request took too long to arrive',
  409: 'Not in this state: the client has no workspace, or the write is not processed yet',
  410: 'It is no longer kept',
  413: 'The body is too large',
  415: 'The content type is not one of those that are taken',
  422: 'A field, a header or a parameter is not as described; `errors` names each',
  429: 'The account has used up its rate limit',
  500: 'A fault of the gateway; its log has the cause, under the `request_id`',
  503: 'It is not known to be accepted; repeating it with the same `Idempotency-Key` is safe',
};

const HEADERS: Readonly<Record<number, readonly string[]>> = {
  429: ['Retry-After', ...RATE_LIMIT_HEADERS],
  503: ['Retry-After'],
};

export const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'Every refusal and every failure (RFC 9457)',
  required: ['type', 'title', 'status', 'detail', 'request_id'],
  properties: {
    type: { type: 'string', description: 'Always `about:blank`: the status says it', examples: ['about:blank'] },
    title: { type: 'string', description: "The status's name", examples: ['Unprocessable Entity'] },
    status: { type: 'integer', description: 'The status code', examples: [422] },
    detail: { type: 'string', description: 'What is wrong, for developers', examples: ['email must be an email'] },
    errors: {
      type: 'array',
      description: 'On `422`: each field that is wrong',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: {
            type: 'string',
            description: 'A dotted path into the body, or the name of a header or parameter',
            examples: ['email'],
          },
          message: { type: 'string', description: 'What it must be', examples: ['must be an email'] },
        },
      },
    },
    oldest_cursor: {
      type: 'string',
      description: 'On `410` of the events: where those begin that are still kept',
      examples: ['WyJ5b3VyLWF0cy1pZCIsNDJd'],
    },
    request_id: {
      type: 'string',
      description: 'Names the request in the log',
      examples: ['019db49a-8c11-7a55-9c9e-0d8b6f3a2e10'],
    },
  },
};

/** `409` is `Conflict`. */
export function problemName(status: number): string {
  return (STATUS_CODES[status] ?? 'Error').replace(/\W/g, '');
}

/** The responses that operations refer to, by name. */
export function problemResponses(): Record<string, object> {
  return Object.fromEntries(Object.keys(MEANINGS).map((status) => [problemName(Number(status)), response(+status)]));
}

function response(status: number): object {
  return {
    description: MEANINGS[status],
    ...refToHeaders(HEADERS[status] ?? []),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        example: {
          type: 'about:blank',
          title: STATUS_CODES[status],
          status,
          detail: MEANINGS[status],
          ...(status === 422 && { errors: [{ field: 'email', message: 'must be an email' }] }),
          request_id: '019db49a-8c11-7a55-9c9e-0d8b6f3a2e10',
        },
      },
    },
  };
}
