/**
 * The detectors, all of them: one row each.
 *
 * Thresholds are set so that one mistake of a person or one broken deployment stays below, and a program that tries
 * doors does not. They are constants with reasons, not laws: what a mesh says in a quiet month is the better source.
 */

import { tenantOf } from '../evidence/access-log/tenant-of.ts';
import type { EvidenceEvent, Peer, Target } from '../evidence/event.ts';
import { quote, quoteList } from '../model/quote.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { addressOf, callerOrAddress, dialled, provenCaller, tenantOfCaller } from './parties.ts';
import type { Rule, RuleSign } from './rule.ts';
import type { Threshold } from './series.ts';

const minuteMs = 60_000;
/** Without a sign for as long, an episode is over, in ms. Longer than any retry with back-off that clients commonly have. */
const quietMs = 10 * minuteMs;
/** How long a destination is remembered as known, in ms: what a job dials once a night is new only once. */
const destinationQuietMs = 26 * 60 * minuteMs;

/**
 * Two other tenants: a mistake dials one wrong name. Each tenant's proxies say no on their own, so no single tenant whose
 * sidecar lies can bring a stranger under this suspicion.
 */
const movement: Threshold = { pointsMin: 2, windowMs: 10 * minuteMs, quietMs };
/** Five workloads: more than the replicas that most services have, which a mistake meets all. */
const crossTenant: Threshold = { pointsMin: 5, windowMs: 10 * minuteMs, quietMs };
/** Fifty in a minute: a client with a broken policy retries some times a minute, a program that guesses does not wait. */
const denials: Threshold = { pointsMin: 50, windowMs: minuteMs, quietMs };
/** Three: a person with curl tries twice. Workloads of the mesh have no honest reason at all. */
const plaintext: Threshold = { pointsMin: 3, windowMs: 10 * minuteMs, quietMs };
/** Ten different addresses or ports: no application has as many wrong ones in its configuration. */
const scan: Threshold = { pointsMin: 10, windowMs: minuteMs, quietMs };
/** Twenty in a minute: a sidecar with an ended certificate backs off to a few. */
const handshakes: Threshold = { pointsMin: 20, windowMs: minuteMs, quietMs };
/** Fifty in a minute: a breaker that opens for a moment lets a handful go; this is an outage that callers feel. */
const overflows: Threshold = { pointsMin: 50, windowMs: minuteMs, quietMs };
/** Each new one, up to eight of an episode: from there on it is a scan, which has a rule of its own. */
const destinations: Threshold = { pointsMin: 1, windowMs: minuteMs, quietMs: destinationQuietMs, eachUpTo: 8 };
/** One is too many. */
const losses: Threshold = { pointsMin: 1, windowMs: minuteMs, quietMs };

export const rules: readonly Rule[] = [
  {
    detector: 'lateral-movement',
    severity: 'critical',
    threshold: movement,
    signIn: (event) => crossTenantSign(event, ({ tenant }) => tenant),
    tell: (about, { points }) =>
      `${quote(about, nameMax)} was turned away by tenants ${quoteList(points)} within ${told(movement)}: it tries doors that are not its own; look at what runs under this identity, and quarantine it if nobody knows why`,
  },
  {
    detector: 'cross-tenant-series',
    severity: 'warning',
    threshold: crossTenant,
    signIn: (event) => crossTenantSign(event, ({ workload }) => workload),
    tell: (about, { points }) =>
      `${quote(about, nameMax)} was turned away by ${points.length} workloads of other tenants within ${told(crossTenant)}, such as ${quoteList(points)}; look whether a grant ended, or what runs under this identity`,
  },
  {
    detector: 'denial-burst',
    severity: 'warning',
    threshold: denials,
    signIn(event) {
      // `unavailable` speaks of our workers, and would accuse every caller of the mesh at once.
      if (event.kind !== 'denial' || event.verdict !== 'deny') return undefined;
      return sign(callerOrAddress(event.from), event.tenant, event.id);
    },
    tell: (about, { points }) =>
      `${quote(about, nameMax)} was denied ${points.length} times within ${told(denials)}: a broken client, or somebody who guesses; \`coffre explain\` with one of the decisions says what it asked for`,
  },
  {
    detector: 'plaintext-inside',
    severity: 'warning',
    threshold: plaintext,
    signIn(event) {
      if (event.kind !== 'plaintext-attempt') return undefined;
      return sign(event.from.workload, event.tenant, event.id);
    },
    tell: (about, { points }) =>
      `${quote(about, nameMax)} spoke plaintext to sidecars ${points.length} times within ${told(plaintext)}: inside the mesh only a process that goes round its own sidecar does; look at its capture and at what it runs`,
  },
  {
    detector: 'undeclared-port-scan',
    severity: 'warning',
    threshold: scan,
    signIn(event) {
      if (event.kind !== 'undeclared-port') return undefined;
      // Behind a sidecar one never gets as far as a foreign inbound: whoever does knocks at the whole mesh.
      const tenant = event.direction === 'outbound' ? event.tenant : systemNamespace;
      return sign(event.from.workload ?? callerOrAddress(event.from), tenant, dialled(event.to));
    },
    tell: (about, { points }) =>
      `${quote(about, nameMax)} dialled ${points.length} addresses within ${told(scan)} that nothing is declared for, such as ${quoteList(points)}: it looks for open ports`,
  },
  {
    detector: 'handshake-failures',
    severity: 'warning',
    threshold: handshakes,
    signIn(event) {
      if (event.kind !== 'handshake-failure') return undefined;
      return sign(addressOf(event.from), event.tenant, event.id);
    },
    tell: (about, { points }) =>
      `${points.length} handshakes from address ${quote(about, nameMax)} failed within ${told(handshakes)}: nobody proved who they are, so only the address is known`,
  },
  {
    detector: 'breaker-storm',
    severity: 'warning',
    threshold: overflows,
    signIn(event) {
      if (event.kind !== 'breaker-overflow' || !event.flags.includes('UO')) return undefined;
      return sign(event.workload ?? provenCaller(event.from), event.tenant, event.id);
    },
    tell: (about, { points }) =>
      `breakers of ${quote(about, nameMax)} turned away ${points.length} requests within ${told(overflows)}; unless a drill does this, what it calls cannot keep up`,
  },
  {
    detector: 'new-destination',
    severity: 'notice',
    threshold: destinations,
    signIn(event) {
      if (event.kind !== 'undeclared-port' || event.direction !== 'outbound') return undefined;
      return sign(event.from.workload ?? callerOrAddress(event.from), event.tenant, dialled(event.to));
    },
    tell: (about, { points }) =>
      `${quote(about, nameMax)} dialled ${quoteList(points)}, which it has not before and nothing is declared for; it was stopped: declare it as a service or a way out if it is meant`,
  },
  {
    detector: 'evidence-loss',
    severity: 'critical',
    threshold: losses,
    signIn(event) {
      if (event.kind !== 'loss') return undefined;
      return sign(event.workload ?? event.where, event.tenant, event.id);
    },
    tell: (about) =>
      `evidence was lost at ${quote(about, nameMax)}: what happened in that time is not known in full; look at its disk and its load`,
  },
];

/** Longest name that is said, in characters: a SPIFFE ID of names as long as Kubernetes lets them be. */
const nameMax = 400;

function sign(about: string | undefined, tenant: string, point: string | undefined): RuleSign | undefined {
  return about === undefined || point === undefined ? undefined : { about, tenant, point };
}

/** Somebody known was turned away at, or on the way to, a workload of another tenant. The whole mesh's business. */
function crossTenantSign(event: EvidenceEvent, pointOf: (target: ForeignTarget) => string): RuleSign | undefined {
  if (event.kind !== 'undeclared-port' && !(event.kind === 'denial' && event.verdict === 'deny')) return undefined;
  const target = targetOf(event);
  const from = tenantOfCaller(event.from);
  if (target === undefined || from === undefined || from === target.tenant) return undefined;
  return sign(provenCaller(event.from), systemNamespace, pointOf(target));
}

interface ForeignTarget {
  readonly tenant: string;
  readonly workload: string;
}

function targetOf({ to, workload: seenBy, from }: { to: Target; workload?: string; from: Peer }) {
  // At the caller's side the proxy that saw it is the caller's own, and only the dialled address can say more.
  const workload = to.workload ?? (seenBy === from.workload ? undefined : seenBy);
  return workload === undefined ? undefined : { tenant: tenantOf(workload), workload };
}

function told({ windowMs }: Threshold): string {
  return windowMs === minuteMs ? 'a minute' : `${windowMs / minuteMs} minutes`;
}
