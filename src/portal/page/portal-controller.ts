import { applyDecorators, Controller, createParamDecorator, UseFilters, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { Auth } from '../../auth/caller';
import { Undocumented } from '../../http/documented';
import { readForm } from '../../http/form-body';
import { PortalErrors } from './portal-errors.filter';

/** No part of the API's reference. */
const WHY = 'a page for people';

/** A controller of pages for people who are signed in; who may do what: `Role`. */
export function PortalController(path = ''): ClassDecorator {
  return applyDecorators(
    Auth('portal-session'),
    Undocumented(WHY),
    Controller(`portal/${path}`),
    UseFilters(PortalErrors),
  );
}

/** A controller of pages for people who are not. */
export function GuestController(path = ''): ClassDecorator {
  return applyDecorators(
    Auth('portal-guest'),
    Undocumented(WHY),
    Controller(`portal/${path}`),
    UseFilters(PortalErrors),
  );
}

/** A controller's parameter: the posted form, whose token the guard has checked. */
export const Form = createParamDecorator((_data: unknown, context: ExecutionContext): URLSearchParams =>
  readForm(context.switchToHttp().getRequest<Request>()),
);
