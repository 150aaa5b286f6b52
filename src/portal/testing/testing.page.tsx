import type { VNode } from 'preact';
import type { Endpoint } from '../../accounts/endpoint.entity';
import type { EventType } from '../../event-types/event-types.service';
import { Card, Notice } from '../page/elements';
import { Page } from '../page/layout';
import { useScene } from '../page/scene';
import type { Answer } from './answer';
import { Editor, ReadOnlyPayload } from './editor';
import { EventPicker } from './event-picker';
import { PreviewCard } from './preview-card';
import { ResultCard } from './result-card';
import type { Choice } from './test-payloads.service';

interface TestingPageProps {
  readonly endpoint: Pick<Endpoint, 'url' | 'disabledAt' | 'disabledReason'>;
  readonly types: readonly EventType[];
  readonly choice: Choice;
  /** As it was written, or the sample. */
  readonly text: string;
  readonly answer: Answer | null;
}

export function TestingPage({ endpoint, types, choice, text, answer }: TestingPageProps): VNode {
  const admin = useScene().visitor?.role === 'admin';
  return (
    <Page title="Webhook Testing" lead="Send your endpoint a signed event, marked as a test, and see what it answers.">
      {!admin && (
        <Notice tone="neutral">
          <p>
            You can look at samples and schemas. To send a test, or to change one, the role <strong>admin</strong> is
            needed.
          </p>
        </Notice>
      )}
      <EndpointNotice {...endpoint} />
      {answer?.kind === 'sent' && <ResultCard {...answer} />}
      {answer?.kind === 'preview' && <PreviewCard url={endpoint.url} test={answer.test} />}
      <Card title="Payload" lead={leadOf(choice)}>
        <EventPicker types={types} choice={choice} />
        {admin ? (
          <Editor {...{ choice, text, answer }} sendable={endpoint.url !== null} />
        ) : (
          <ReadOnlyPayload text={text} />
        )}
        <details class="ruled">
          <summary>View schema</summary>
          <pre tabIndex={0}>{JSON.stringify(choice.type.schema, null, 2)}</pre>
        </details>
      </Card>
    </Page>
  );
}

function leadOf({ type, sample }: Choice): string {
  return sample === 'success' ? `${type.description}.` : 'What your endpoint gets when the write came to nothing.';
}

/** A test goes to a disabled endpoint all the same: how else would one know that it is mended? */
function EndpointNotice({ url, disabledAt, disabledReason }: TestingPageProps['endpoint']): VNode | null {
  const configuration = <a href="/portal/configuration">My Configuration</a>;
  if (url === null) {
    return (
      <Notice tone="warning">
        <p>
          <strong>There is no webhook URL yet</strong>, so nothing can be sent. Set one in {configuration}.
        </p>
      </Notice>
    );
  }
  if (disabledAt === null) return null;
  return (
    <Notice tone="warning">
      <p>
        <strong>Deliveries are off:</strong> {disabledReason ?? 'the endpoint was disabled'}. A test is sent all the
        same. Once your endpoint takes it, resume deliveries in {configuration}.
      </p>
    </Notice>
  );
}
