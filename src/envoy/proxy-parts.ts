/**
 * What each part of a configuration is made from. A builder takes no more than its part, so whoever keeps what it made
 * knows by the type what it depends on.
 */
import type { InboundPort, OutboundPort } from '../policy/view.ts';
import type { SharedView } from '../policy/view-classes.ts';

/** What every proxy has, whatever leads to it and away. */
export interface Fixture {
  readonly trustDomain: string;
  readonly workload: Pick<SharedView['workload'], 'capture' | 'addresses'>;
  readonly observation: Pick<SharedView['observation'], 'tracing' | 'scrapers'>;
  /** Some port of it puts every request to an authorization worker. */
  readonly asksForVerdicts: boolean;
}

/** A declared port, whatever its rules are: they change, and move no listener. */
export type Door = Pick<InboundPort, 'port' | 'protocol' | 'callers' | 'everyRequest'>;

/** Whether anybody may come: nobody does to a workload under quarantine. */
export function isOpen({ callers }: Pick<Door, 'callers'>): boolean {
  return callers.length > 0;
}

/** Where a proxy stands, and what leads to it. */
export interface Station {
  readonly trustDomain: string;
  readonly workload: Omit<SharedView['workload'], 'spiffeId'>;
  readonly inbound: readonly Door[];
  readonly observation: Pick<SharedView['observation'], 'samplePercent' | 'tracing'>;
}

/** Who dials. */
export interface Caller {
  readonly workload: Pick<SharedView['workload'], 'tenant' | 'serviceAccount' | 'capture'>;
  readonly observation: Pick<SharedView['observation'], 'tracing'>;
}

/** What is dialled, wherever its endpoints are: they come and go, and move nothing else. */
export type Way = Omit<OutboundPort, 'endpoints'>;
