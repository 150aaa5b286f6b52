import type { VNode } from 'preact';
import { Notice } from '../page/elements';
import { isFailing, type EndpointCheck } from './endpoint-checks.service';
import { plainWords } from './plain-words';

/** Stays until something arrives: a good ping, or a delivery. */
export function CheckWarning({ check }: { check: EndpointCheck }): VNode | null {
  if (!isFailing(check)) return null;
  return (
    <Notice tone="warning">
      <p>
        <strong>The last ping to this URL failed.</strong> {plainWords(check.statusCode, check.fault)} Deliveries will
        most likely fail as well.
      </p>
    </Notice>
  );
}
