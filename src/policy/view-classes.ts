/**
 * The proxies of one tenant in classes: those that may know the same, up to their own names.
 *
 *   slice ──classesOf──▶ ViewClass (what all its members share) + members       view of a member = both together
 *
 * A class is what workloads agree in: the service account, how they are captured, the services that lead to them, the
 * policies that select them and the grants that speak of them. Under explicit capture each is a class of its own.
 * Made from classes of before, whatever did not change in content is the very same value, down to single ports; the
 * result is equal to that of `viewOf` for each member all the same.
 */
import { isSameList, keepUnchanged } from '../model/keep-unchanged.ts';
import { Last } from '../model/last.ts';
import type { ExternalService, Snapshot, Workload } from '../model/snapshot.ts';
import { atOwnAddresses } from './explicit-view.ts';
import { inboundOf } from './inbound-view.ts';
import { type Moment, momentOf } from './moment.ts';
import { type Observation, observationOf } from './observation.ts';
import { outboundOf, type RememberPort } from './outbound-view.ts';
import { type Seating, seatingOf } from './seating.ts';
import { type Standing, standingOf } from './standing.ts';
import type { InboundPort, OutboundPort, ProxyView } from './view.ts';

/** What of a workload its proxy is configured by, apart from its name. */
export type Seat = Pick<
  Workload,
  'tenant' | 'serviceAccount' | 'spiffeId' | 'capture' | 'addresses' | 'applicationAddress'
>;

/** A view of whoever sits there: a builder that takes this can tell no member from another. */
export type SharedView = Omit<ProxyView, 'workload'> & { readonly workload: Seat };

export interface ViewClass {
  /** Unique in its tenant, and the same for as long as the members agree in the same. */
  readonly key: string;
  /** Without addresses under interception, where each member has its own and none is configured by them. */
  readonly view: SharedView;
  /** Sorted by key. */
  readonly members: readonly Workload[];
}

/** Of one tenant, with what the next ones may be made of. */
export interface ViewClasses {
  /** By key. */
  readonly classes: ReadonlyMap<string, ViewClass>;
  readonly parts: Parts;
}

interface Parts {
  readonly standing: Standing;
  readonly seating: Seating;
  readonly inbound: Ports<InboundPort>;
  readonly outbound: Ports<OutboundPort>;
  /** By place; what each service port that goes out was made of. */
  readonly ways: ReadonlyMap<string, Last<OutboundPort>>;
  /** Ports by place: one for each content that somebody is told. */
  readonly ports: ReadonlyMap<string, readonly OutboundPort[]>;
  readonly observation: Observation;
  readonly external: readonly ExternalService[];
}

interface Ports<Port> {
  /** All that they were made from: where it is the very same, so are they. */
  readonly sources: readonly unknown[];
  /** By what they depend on of a workload. */
  readonly byKey: ReadonlyMap<string, readonly Port[]>;
}

/** @param slice of this tenant, or the whole mesh. @param nowMs epoch ms at which grants and consents are judged. */
export function classesOf(slice: Snapshot, tenant: string, nowMs: number, former?: ViewClasses): ViewClasses {
  const now = momentOf(slice, tenant, nowMs);
  const standing = standingOf(slice, former?.parts.standing);
  const seating = seatingOf(now, tenant, standing, former?.parts.seating);
  return new Draft(now, tenant, standing, former).classesAt(seating);
}

/** What this workload's proxy may know: equal to `viewOf`. */
export function memberView({ view }: ViewClass, workload: Workload): ProxyView {
  return { ...view, workload };
}

/** Classes while they are made: mutable, never seen outside. */
class Draft {
  private readonly now: Moment;
  private readonly former: ViewClasses | undefined;
  private readonly standing: Standing;
  private readonly observation: Observation;
  private readonly external: readonly ExternalService[];
  private readonly inboundSources: readonly unknown[];
  private readonly outboundSources: readonly unknown[];
  private readonly inbound = new Map<string, readonly InboundPort[]>();
  private readonly outbound = new Map<string, readonly OutboundPort[]>();
  private readonly ways = new Map<string, Last<OutboundPort>>();
  private readonly ports = new Map<string, OutboundPort[]>();

  constructor(now: Moment, tenant: string, standing: Standing, former: ViewClasses | undefined) {
    const { mesh, tenants, workloads, services, policies, trafficPolicies, httpRoutes, quarantines } = now.snapshot;
    this.now = now;
    this.standing = standing;
    this.former = former;
    this.observation = keepUnchanged(former?.parts.observation, observationOf(now.snapshot));
    this.external = keepUnchanged(former?.parts.external, now.snapshot.externalServices.get(tenant) ?? []);
    const grounds = [tenants, trafficPolicies, httpRoutes, quarantines, mesh.trustDomain, ...now.grants];
    this.outboundSources = [workloads, services, ...grounds];
    const { authorizationMode } = mesh;
    const consents = [...now.consents.values()].flat();
    this.inboundSources = [standing.values, policies, authorizationMode, consents.length, ...consents, ...grounds];
  }

  classesAt(seating: Seating): ViewClasses {
    const classes = new Map<string, ViewClass>();
    for (const { key, members, inboundBy, outboundBy } of seating.tables) {
      const [first] = members;
      if (first === undefined) continue;
      const view = this.viewOf(first, key, inboundBy, outboundBy);
      const before = this.former?.classes.get(key);
      const isSame = before?.view === view && isSameList(before.members, members);
      classes.set(key, isSame ? before : { key, view, members });
    }
    const inbound = { sources: this.inboundSources, byKey: this.inbound };
    const outbound = { sources: this.outboundSources, byKey: this.outbound };
    const { standing, ports, observation, external } = this;
    const before = this.former?.parts;
    // Where no port was made anew, what they were made of is still to be remembered.
    const isStill = isSameList(before?.outbound.sources ?? [], this.outboundSources);
    const ways = isStill ? new Map([...(before?.ways ?? []), ...this.ways]) : this.ways;
    return { classes, parts: { standing, seating, inbound, outbound, ways, ports, observation, external } };
  }

  private viewOf(workload: Workload, key: string, inboundBy: string, outboundBy: string): SharedView {
    const { trustDomain } = this.now.snapshot.mesh;
    const inbound = this.inboundFor(workload, inboundBy);
    const outbound = this.outboundFor(workload, outboundBy);
    const { observation } = this;
    const external = this.now.snapshot.quarantines.has(workload.spiffeId) ? noWayOut : this.external;
    const before = this.former?.classes.get(key)?.view;
    const view = { trustDomain, workload: seatOf(workload), inbound, outbound, external, observation };
    const addresses = this.now.snapshot.explicitAddresses.get(workload.key);
    const told = addresses === undefined ? view : atOwnAddresses(view, addresses);
    if (before === undefined) return told;
    const seat = keepUnchanged(before.workload, told.workload);
    const ways = addresses === undefined ? told.outbound : keepPorts(before.outbound, told.outbound);
    const exits = keepUnchanged(before.external, told.external);
    const isSame =
      before.workload === seat &&
      before.inbound === inbound &&
      before.outbound === ways &&
      before.external === exits &&
      before.observation === observation &&
      before.trustDomain === trustDomain;
    return isSame ? before : { ...told, workload: seat, outbound: ways, external: exits };
  }

  private inboundFor(workload: Workload, by: string): readonly InboundPort[] {
    const known = this.inbound.get(by);
    if (known !== undefined) return known;
    const former = this.former?.parts.inbound;
    const before = former?.byKey.get(by);
    const isStill = before !== undefined && isSameList(former?.sources ?? [], this.inboundSources);
    const made = isStill ? before : keepUnchanged(before, inboundOf(this.now, workload));
    this.inbound.set(by, made);
    return made;
  }

  private outboundFor(workload: Workload, by: string): readonly OutboundPort[] {
    const known = this.outbound.get(by);
    if (known !== undefined) return known;
    const former = this.former?.parts.outbound;
    const before = former?.byKey.get(by);
    const isStill = before !== undefined && isSameList(former?.sources ?? [], this.outboundSources);
    const made = isStill ? before : outboundOf(this.now, workload, (...port) => this.remembered(...port));
    const ports = made.map((port) => this.shared(port));
    const kept = before !== undefined && isSameList(before, ports) ? before : ports;
    this.outbound.set(by, kept);
    return kept;
  }

  private remembered(...[place, inputs, make]: Parameters<RememberPort>): OutboundPort {
    const last = this.former?.parts.ways.get(place) ?? this.ways.get(place) ?? new Last<OutboundPort>();
    this.ways.set(place, last);
    return last.of(inputs, make);
  }

  /** The same port as another class is told, or was told before. */
  private shared(port: OutboundPort): OutboundPort {
    const place = placeIn(port);
    const told = this.ports.get(place) ?? [];
    this.ports.set(place, told);
    const equalTo = (each: OutboundPort) => keepUnchanged(each, port) === each;
    const equal = told.find(equalTo);
    if (equal !== undefined) return equal;
    const before = this.former?.parts.ports.get(place) ?? [];
    const made = before.find(equalTo) ?? before.reduce((made, each) => keepUnchanged(each, made), port);
    told.push(made);
    return made;
  }
}

const noWayOut: readonly ExternalService[] = [];

function seatOf({ tenant, serviceAccount, spiffeId, capture, addresses, applicationAddress }: Workload): Seat {
  const bound = capture === 'explicit' ? addresses : [];
  return { tenant, serviceAccount, spiffeId, capture, addresses: bound, applicationAddress };
}

function keepPorts(former: readonly OutboundPort[], next: readonly OutboundPort[]): readonly OutboundPort[] {
  const byPlace = new Map(former.map((port) => [placeIn(port), port]));
  const kept = next.map((port) => keepUnchanged(byPlace.get(placeIn(port)), port));
  return isSameList(former, kept) ? former : kept;
}

function placeIn({ service, port, pod = '' }: OutboundPort): string {
  return `${service} ${port} ${pod}`;
}
