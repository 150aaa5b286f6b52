import { Injectable } from '@nestjs/common';
import { INBOUND } from '../events/inbound';
import { succeeded } from '../events/results';
import type { Handler } from '../inbox/handler';

@Injectable()
export class MeetingHandlers {
  /** Meetings are kept at Carv: the gateway passes on what is ready, in the order of each meeting. */
  readonly passOn: Handler = (_tx, writes) =>
    Promise.resolve(writes.map((write) => succeeded(write, INBOUND[write.event].asks, given(write.payload as object))));
}

/** Null means absent, and is left out as everywhere in results. */
function given(payload: object): object {
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== null));
}
