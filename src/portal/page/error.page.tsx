import type { VNode } from 'preact';
import { GuestPage, Page } from './layout';
import { useScene } from './scene';

interface ErrorPageProps {
  readonly title: string;
  readonly detail: string;
  /** What finds the cause in the log. */
  readonly reference: string | null;
}

export function ErrorPage({ title, detail, reference }: ErrorPageProps): VNode {
  const { visitor } = useScene();
  const Frame = visitor === null ? GuestPage : Page;
  return (
    <Frame title={title}>
      <p>{detail}</p>
      {reference !== null && (
        <p>
          <code>{reference}</code>
        </p>
      )}
      <p>
        <a href="/portal">{visitor === null ? 'Go to sign-in' : 'Go to the first page'}</a>
      </p>
    </Frame>
  );
}
