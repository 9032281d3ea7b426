/** One detector as data: which events are signs, of what, how many it takes, and how it is said. */
import type { DetectorEvent, EvidenceEvent } from '../evidence/event.ts';
import type { Finding, Threshold } from './series.ts';

export interface Rule {
  /** A stable code, such as `lateral-movement`. */
  readonly detector: string;
  readonly severity: DetectorEvent['severity'];
  readonly threshold: Threshold;
  /** @returns undefined where the event is no sign. */
  signIn(event: EvidenceEvent): RuleSign | undefined;
  /** In plain words: who, what, how much, and what to look at. */
  tell(about: string, finding: Finding): string;
}

export interface RuleSign {
  /** A proved SPIFFE ID, a workload key or an address; what a peer merely claims to be is none of them. */
  readonly about: string;
  /** Who may read the finding. */
  readonly tenant: string;
  /** Of which so many different ones make a finding. */
  readonly point: string;
}
