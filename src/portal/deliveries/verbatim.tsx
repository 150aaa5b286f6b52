import type { VNode } from 'preact';
import { indentJson } from './indent-json';

/**
 * What nobody sees, or what turns the text around it: controls, marks of direction, zero widths, lone surrogates. Left out
 * are line breaks, tabs, and the joiners that scripts and emoji are written with.
 */
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text of somebody else's, its unseen characters spelt out: what is read is what was sent. */
export function visible(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(UNSEEN, (found) => `\\u${(found.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

interface VerbatimProps {
  readonly title: string;
  readonly text: string;
  /** Told beside the title. */
  readonly note?: string;
  readonly open?: boolean;
}

/** A body as it was sent, behind its title; JSON has a line for each member. */
export function Verbatim({ title, text, note, open = false }: VerbatimProps): VNode {
  return (
    <details open={open}>
      <summary>{title}</summary>
      {note !== undefined && <p class="hint">{note}</p>}
      {/* Reached by the Tab key, for those who scroll by it. */}
      <pre tabIndex={0} role="region" aria-label={title}>
        {visible(indentJson(text) ?? text)}
      </pre>
    </details>
  );
}
