import type { VNode } from 'preact';
import type { FieldFault } from '../../errors';
import { Form, Notice } from '../page/elements';
import type { Answer } from './answer';
import { MAX_PAYLOAD_KIB, type Choice } from './test-payloads.service';

/** The first of them lead to the others. */
const MAX_SHOWN = 20;

interface EditorProps {
  readonly choice: Choice;
  readonly text: string;
  readonly answer: Answer | null;
  /** Whether there is a URL. */
  readonly sendable: boolean;
}

export function Editor({ choice, text, answer, sendable }: EditorProps): VNode {
  const faulty = answer?.kind === 'faults';
  const told = faulty || answer?.kind === 'refused';
  const query = new URLSearchParams({ event: choice.type.event, sample: choice.sample }).toString();
  return (
    <Form action="/portal/testing" class="editor" label="Payload">
      <input type="hidden" name="event" value={choice.type.event} />
      <input type="hidden" name="sample" value={choice.sample} />
      {told && <Told answer={answer} />}
      <div class="field">
        <label for="payload">JSON</label>
        <textarea
          id="payload"
          name="payload"
          rows={Math.min(18, Math.max(8, text.split('\n').length + 1))}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          data-max-bytes={MAX_PAYLOAD_KIB * 1024}
          aria-invalid={faulty}
          aria-describedby={`payload-hint payload-check${told ? ' payload-told' : ''}`}
        >
          {text}
        </textarea>
        <p class="hint" id="payload-check" role="status" />
        <p class="hint" id="payload-hint">
          <code>event_id</code>, <code>reference_id</code> and <code>timestamp</code> are new with every sending,
          whatever stands here, so that nobody takes a test for a real event.
        </p>
      </div>
      <div class="actions">
        <button class="button primary" type="submit" name="do" value="send" disabled={!sendable}>
          Send test
        </button>
        <button class="button" type="submit" name="do" value="preview">
          Preview
        </button>
        <button class="button" type="button" id="payload-format" hidden>
          Format
        </button>
        <a class="button" href={`/portal/testing?${query}`}>
          Reset to sample
        </a>
      </div>
    </Form>
  );
}

/** For those who may not send: what they cannot change need not be a field. */
export function ReadOnlyPayload({ text }: { text: string }): VNode {
  return (
    <pre class="payload" tabIndex={0} aria-label="Sample payload">
      {text}
    </pre>
  );
}

function Told({ answer }: { answer: Answer & { kind: 'faults' | 'refused' } }): VNode {
  return (
    <div id="payload-told" class="told">
      <Notice tone="danger">
        {answer.kind === 'refused' ? (
          <p>
            <strong>Nothing was sent.</strong> {answer.why}
          </p>
        ) : (
          <Faults faults={answer.faults} />
        )}
      </Notice>
    </div>
  );
}

function Faults({ faults }: { faults: readonly FieldFault[] }): VNode {
  const more = faults.length - MAX_SHOWN;
  return (
    <>
      <p>
        <strong>Nothing was sent.</strong> This has to be mended first:
      </p>
      <ul>
        {faults.slice(0, MAX_SHOWN).map(({ field, message }, index) => (
          <li key={index}>
            {field === 'body' ? 'The payload' : <code>{field}</code>} {message}
          </li>
        ))}
        {more > 0 && <li>and {more} more</li>}
      </ul>
    </>
  );
}
