import { Get } from '@nestjs/common';
import { NoAccountNeeded } from '../../auth/visitor';
import { DomainError } from '../../errors';
import { PortalController } from './portal-controller';

/** Comes last in the module: whatever no other controller of the portal takes. */
@PortalController('*path')
export class NotFoundController {
  @Get()
  @NoAccountNeeded()
  refuse(): never {
    throw new DomainError('not_found', 'There is nothing at this address. It may have expired, or the link is wrong.');
  }
}
