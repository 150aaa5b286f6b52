import type { FieldFault } from '../../errors';
import type { Test, TestSent } from '../endpoint/test-sends.service';

/** What came of a form. */
export type Answer = { readonly status: number } & (
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'preview'; readonly test: Test }
  | { readonly kind: 'sent'; readonly url: string; readonly test: Test; readonly sent: TestSent }
);
