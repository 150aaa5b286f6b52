import { All } from '@nestjs/common';
import { NoAccountNeeded, Role } from '../../auth/visitor';
import { DomainError } from '../../errors';
import { PortalController } from './portal-controller';

/** Comes last in the module: whatever no other controller of the portal takes. */
@PortalController('*path')
export class NotFoundController {
  @All()
  @Role('admin', 'viewer', 'staff')
  @NoAccountNeeded()
  refuse(): never {
    throw new DomainError('not_found', 'There is nothing at this address. It may have expired, or the link is wrong.');
  }
}
