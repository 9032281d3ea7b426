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
import type { ExternalService, Snapshot, Workload } from '../model/snapshot.ts';
import { atOwnAddresses } from './explicit-view.ts';
import { inboundKey, inboundOf } from './inbound-view.ts';
import { type Moment, momentOf } from './moment.ts';
import { type Observation, observationOf } from './observation.ts';
import { outboundKey, outboundOf } from './outbound-view.ts';
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

/** By what they depend on. */
interface Parts {
  readonly inbound: ReadonlyMap<string, readonly InboundPort[]>;
  readonly outbound: ReadonlyMap<string, readonly OutboundPort[]>;
  /** Ports by place: one for each content that somebody is told. */
  readonly ports: ReadonlyMap<string, readonly OutboundPort[]>;
  readonly observation: Observation;
  readonly external: readonly ExternalService[];
}

/** @param slice of this tenant, or the whole mesh. @param nowMs epoch ms at which grants and consents are judged. */
export function classesOf(slice: Snapshot, tenant: string, nowMs: number, former?: ViewClasses): ViewClasses {
  const draft = new Draft(momentOf(slice, tenant, nowMs), tenant, former);
  for (const workload of slice.workloads.values()) if (workload.tenant === tenant) draft.add(workload);
  return draft.finish();
}

/** What this workload's proxy may know: equal to `viewOf`. */
export function memberView({ view }: ViewClass, workload: Workload): ProxyView {
  return { ...view, workload };
}

/** Classes while they are made: mutable, never seen outside. */
class Draft {
  private readonly now: Moment;
  private readonly former: ViewClasses | undefined;
  private readonly observation: Observation;
  private readonly external: readonly ExternalService[];
  private readonly inbound = new Map<string, readonly InboundPort[]>();
  private readonly outbound = new Map<string, readonly OutboundPort[]>();
  private readonly ports = new Map<string, OutboundPort[]>();
  private readonly classes = new Map<string, { readonly view: SharedView; readonly members: Workload[] }>();

  constructor(now: Moment, tenant: string, former: ViewClasses | undefined) {
    this.now = now;
    this.former = former;
    this.observation = keepUnchanged(former?.parts.observation, observationOf(now.snapshot));
    this.external = keepUnchanged(former?.parts.external, now.snapshot.externalServices.get(tenant) ?? []);
  }

  add(workload: Workload): void {
    const inboundBy = inboundKey(this.now, workload);
    const outboundBy = outboundKey(this.now, workload);
    const { serviceAccount, capture, applicationAddress } = workload;
    const own = capture === 'explicit' ? workload.key : '';
    const key = JSON.stringify([serviceAccount, capture, applicationAddress, own, inboundBy, outboundBy]);
    const known = this.classes.get(key);
    if (known === undefined) {
      this.classes.set(key, { view: this.viewOf(workload, key, inboundBy, outboundBy), members: [workload] });
    } else known.members.push(workload);
  }

  finish(): ViewClasses {
    const { inbound, outbound, ports, observation, external } = this;
    const classes = new Map<string, ViewClass>();
    for (const [key, { view, members }] of this.classes) {
      const before = this.former?.classes.get(key);
      const isSame = before?.view === view && isSameList(before.members, members);
      classes.set(key, isSame ? before : { key, view, members });
    }
    return { classes, parts: { inbound, outbound, ports, observation, external } };
  }

  private viewOf(workload: Workload, key: string, inboundBy: string, outboundBy: string): SharedView {
    const { trustDomain } = this.now.snapshot.mesh;
    const inbound = this.inboundFor(workload, inboundBy);
    const outbound = this.outboundFor(workload, outboundBy);
    const { observation, external } = this;
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
    const made = keepUnchanged(this.former?.parts.inbound.get(by), inboundOf(this.now, workload));
    this.inbound.set(by, made);
    return made;
  }

  private outboundFor(workload: Workload, by: string): readonly OutboundPort[] {
    const known = this.outbound.get(by);
    if (known !== undefined) return known;
    const ports = outboundOf(this.now, workload).map((port) => this.shared(port));
    const before = this.former?.parts.outbound.get(by);
    const made = before !== undefined && isSameList(before, ports) ? before : ports;
    this.outbound.set(by, made);
    return made;
  }

  /** The same port as another class is told, or was told before. */
  private shared(port: OutboundPort): OutboundPort {
    const place = placeIn(port);
    const told = this.ports.get(place) ?? [];
    this.ports.set(place, told);
    const equal = told.find((each) => keepUnchanged(each, port) === each);
    if (equal !== undefined) return equal;
    const before = this.former?.parts.ports.get(place) ?? [];
    const made = before.reduce((made, each) => keepUnchanged(each, made), port);
    told.push(made);
    return made;
  }
}

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
