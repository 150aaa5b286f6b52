import { Injectable } from '@nestjs/common';

/** Set by whoever boots the process, once everything is in place, and taken back when it begins to stop. */
@Injectable()
export class Readiness {
  ready = false;
}
