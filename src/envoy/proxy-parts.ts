/**
 * What each part of a configuration is made from. A builder takes no more than its part, so whoever keeps what it made
 * knows by the type what it depends on.
 */
import type { OutboundPort } from '../policy/view.ts';
import type { SharedView } from '../policy/view-classes.ts';

/** What a proxy is where it stands: all but whom it may dial, and its name. */
export type Station = Omit<SharedView, 'outbound' | 'external'>;

/** Who dials. */
export interface Caller {
  readonly workload: Pick<SharedView['workload'], 'tenant' | 'serviceAccount' | 'capture'>;
  readonly observation: Pick<SharedView['observation'], 'tracing'>;
}

/** What is dialled, wherever its endpoints are: they come and go, and move nothing else. */
export type Way = Omit<OutboundPort, 'endpoints'>;
