import type { ComponentChildren, VNode } from 'preact';
import type { Receipts } from '../../dev-receiver/receipts.service';
import { assetUrl } from '../page/assets';
import { Time } from '../page/elements';
import { Page } from '../page/layout';
import { ReceivedCard } from '../received/received-card';
import type { Range } from './chart-slots';
import { DeliveriesCard } from './deliveries-card';
import { FailureCard } from './failure-card';
import { FirstSteps } from './first-steps';
import { HealthCard } from './health-card';
import type { Overview } from './overview.service';
import { WaitingCard } from './waiting-card';

interface OverviewPageProps {
  readonly overview: Overview;
  readonly range: Range;
  /** Of the demo account's endpoint, in development. */
  readonly receipts: Receipts | null;
}

export function OverviewPage({ overview, range, receipts }: OverviewPageProps): VNode {
  const { figures, waiting, failure, url } = overview;
  const quiet = figures.hours.length === 0;
  const nothingYet = quiet && waiting.pending === 0 && waiting.dead === 0;
  return (
    <Page
      title="Overview"
      lead="Whether your integration is healthy, and if not, why."
      actions={
        <LivePart name="time">
          <p class="hint">
            As of <Time at={overview.now} />
          </p>
        </LivePart>
      }
    >
      <LivePart name="health">
        <HealthCard {...overview} />
        {nothingYet ? (
          <FirstSteps url={url} />
        ) : (
          <div class="columns">
            <WaitingCard {...overview} />
            <FailureCard failure={failure} />
          </div>
        )}
      </LivePart>
      {receipts !== null && (
        <>
          <LivePart name="received">
            <ReceivedCard receipts={receipts} />
          </LivePart>
          <script src={assetUrl('live.js')} defer />
        </>
      )}
      <LivePart name="deliveries">{!quiet && <DeliveriesCard {...overview} range={range} />}</LivePart>
    </Page>
  );
}

/** What the script of the live view takes over from a fresh copy of the page. */
function LivePart({ name, children }: { name: string; children: ComponentChildren }): VNode {
  return (
    <div class="part" data-live={name}>
      {children}
    </div>
  );
}
