import type { VNode } from 'preact';
import { Form, Time } from '../page/elements';
import { Page } from '../page/layout';
import { isEver } from './since';

interface ConfirmationPageProps {
  readonly since: Date;
  readonly count: number;
}

export function ConfirmationPage({ since, count }: ConfirmationPageProps): VNode {
  const which = isEver(since) ? (
    ' in all'
  ) : (
    <>
      {' '}
      since <Time at={since} />
    </>
  );
  return (
    <Page title="Redeliver what was given up">
      <section class="card">
        {count === 0 ? (
          <p>Nothing was given up{which}.</p>
        ) : (
          <>
            <p>
              <strong>{count === 1 ? 'One result was' : `${count} results were`} given up</strong>
              {which}. Each is sent again, with the same event id and body, behind what is still waiting for the same
              candidate, vacancy or application. What is on its way already is not touched.
            </p>
            <Form action="/portal/deliveries/dead/redeliver">
              <input type="hidden" name="since" value={since.toISOString()} />
              <button class="button primary" type="submit">
                {count === 1 ? 'Redeliver it' : `Redeliver all ${count}`}
              </button>
            </Form>
          </>
        )}
        <p>
          <a href="/portal/deliveries/dead">Back, and change nothing</a>
        </p>
      </section>
    </Page>
  );
}
