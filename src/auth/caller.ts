import { createParamDecorator, SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';

/** How a route's callers prove who they are. A route that says nothing lets nobody in. */
export type Scheme =
  'api-key' | 'webhook-signature' | 'internal-key' | 'scorer-signature' | 'portal-session' | 'portal-guest' | 'none';

export const SCHEME = 'auth:scheme';

/** On every controller or route. */
export function Auth(scheme: Scheme): CustomDecorator {
  return SetMetadata(SCHEME, scheme);
}

const callers = new WeakMap<Request, Caller>();

export function setCaller(request: Request, caller: Caller): void {
  callers.set(request, caller);
}

/** A controller's parameter: who is calling. */
export const CallerOf = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const caller = callers.get(context.switchToHttp().getRequest<Request>());
  if (caller === undefined) throw new Error('a route without a scheme asked for its caller');
  return caller;
});
