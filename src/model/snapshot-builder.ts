/**
 * All objects of all sources to one snapshot after another: what a change does not concern is the very same value.
 *
 *   objects ─▶ inventories ─▶ ground: mesh, tenants ─▶ inside: workloads, services ─▶ between: grants, routes ─▶ Snapshot
 *              by namespace          each part of each namespace a pure function of what it reads             + problems
 *
 * What a part came to is kept with what it read, and it is built again when one of those values is another (`part.ts`).
 * Namespaces meet in shared values alone: addresses that several claim, names of services and accounts, grants. So
 * nothing that one namespace holds changes another's workloads, services or policies, except an address that both claim
 * under explicit capture, or that both bring to a third by a grant: what nobody can tell apart is closed for each. A tenant
 * that wants its nodes for itself loses its own pods where another's stand beside them (`neighbours.ts`).
 * The surprise: what is equal is the very same value as before, even where it was built again.
 */

import { DrillsBuilder } from './build/drilling.ts';
import { ExplicitBuilder } from './build/explicit-capture.ts';
import { buildExternalServices } from './build/external-services.ts';
import { GrantsBuilder } from './build/granting.ts';
import { type Ground, GroundBuilder } from './build/ground.ts';
import { httpRoutesIn } from './build/http-routes.ts';
import { InsideBuilder, noServices } from './build/inside-namespaces.ts';
import { Inventories, type NamespaceInventory, wholeMesh } from './build/inventories.ts';
import { JoinedParts, JoinedSet, none } from './build/joined.ts';
import { JoinedProblems } from './build/joined-problems.ts';
import { type BuildCounters, type Look, lookOf } from './build/look.ts';
import { absentMesh, missingMesh } from './build/mesh.ts';
import { Moments } from './build/moments.ts';
import { Part } from './build/part.ts';
import { referencesIn } from './build/references.ts';
import { type VolumeGrants, volumeGrantsIn } from './build/volume-grants.ts';
import { contentHash } from './canonical-json.ts';
import type { Drill, DrillConsent } from './drill.ts';
import type { HttpRoute } from './http-route.ts';
import { isSameList, keepUnchanged } from './keep-unchanged.ts';
import { Last } from './last.ts';
import type { Problem } from './problem.ts';
import { noQuarantines, type Quarantine, type Quarantines, standingAt } from './quarantine.ts';
import type {
  AccessPolicy,
  ExternalService,
  Grant,
  Mesh,
  Service,
  Snapshot,
  VolumeGrant,
  Workload,
} from './snapshot.ts';
import type { SourcedObject } from './sourced-object.ts';
import type { TrafficPolicy } from './traffic-policy.ts';

/** The nouns of a snapshot that are kept by name. */
type Named = Omit<Snapshot, 'revision' | 'mesh' | 'quarantines' | 'problems'>;

/** All that a snapshot is made of. */
interface Made {
  readonly mesh: Mesh;
  readonly nouns: Named;
  /** What named each grant, rule and consent whose end has passed. */
  readonly expired: readonly string[];
  readonly problems: readonly (readonly Problem[])[];
}

export class SnapshotBuilder {
  readonly #inventories = new Inventories();
  readonly #ground: GroundBuilder;
  readonly #inside: InsideBuilder;
  readonly #moments: Moments;
  readonly #granted: GrantsBuilder;
  readonly #volumeGrants: Part<VolumeGrants>;
  readonly #external: Part<ReadonlyMap<string, readonly ExternalService[]>>;
  readonly #references: Part<readonly string[]>;
  readonly #httpRoutes: Part<ReadonlyMap<string, HttpRoute>>;
  readonly #drilled: DrillsBuilder;
  readonly #explicit: ExplicitBuilder;
  readonly #serviceKeys = new JoinedSet();
  readonly #everyReference = new JoinedSet();
  readonly #joined = {
    workloads: new JoinedParts<Workload>(),
    services: new JoinedParts<Service>(),
    grants: new JoinedParts<Grant>(),
    volumeGrants: new JoinedParts<VolumeGrant>(),
    policies: new JoinedParts<AccessPolicy>(),
    trafficPolicies: new JoinedParts<TrafficPolicy>(),
    httpRoutes: new JoinedParts<HttpRoute>(),
    drills: new JoinedParts<Drill>(),
    drillConsents: new JoinedParts<DrillConsent>(),
    explicitAddresses: new JoinedParts<ReadonlyMap<string, string>>(),
  };
  readonly #problems = new JoinedProblems();
  readonly #revision = new Last<string>();
  #snapshot: Snapshot | undefined;

  constructor(counters: BuildCounters = { built: () => undefined }) {
    this.#ground = new GroundBuilder(counters);
    this.#inside = new InsideBuilder(counters);
    this.#moments = new Moments(counters);
    this.#granted = new GrantsBuilder(counters);
    this.#volumeGrants = new Part((namespace) => counters.built('volumeGrants', namespace));
    this.#external = new Part((namespace) => counters.built('externalServices', namespace));
    this.#references = new Part((namespace) => counters.built('references', namespace));
    this.#httpRoutes = new Part((namespace) => counters.built('httpRoutes', namespace));
    this.#drilled = new DrillsBuilder(counters);
    this.#explicit = new ExplicitBuilder(counters);
  }

  /**
   * @param nowMs epoch ms, against which grants, rules and consents end; without it none does here, and each still ends
   * at its `notAfterMs` wherever it is enforced.
   * @param quarantines running state, beside what the sources say.
   * @returns a snapshot without tenants where there is no `Mesh`. Never throws.
   */
  build(objects: readonly SourcedObject[], nowMs?: number, quarantines: readonly Quarantine[] = []): Snapshot {
    const inventories = this.#inventories.take(objects);
    const look = lookOf(inventories, nowMs);
    const ground = this.#ground.of(look);
    const made = ground === undefined ? withoutMesh : this.#make(look, ground);
    const written = inventories.all.flatMap(({ problems }) => problems);
    const standing = ground === undefined ? noQuarantines : standingAt(quarantines, nowMs, this.#snapshot?.quarantines);
    const snapshot: Snapshot = {
      revision: this.#revisionOf(inventories.all, made.expired, standing),
      mesh: keepUnchanged(this.#snapshot?.mesh, made.mesh),
      ...made.nouns,
      quarantines: standing,
      problems: this.#problems.of([...written, ...made.problems]),
    };
    const former = this.#snapshot;
    const isSame = former !== undefined && isSameList(Object.values(former), Object.values(snapshot));
    this.#snapshot = isSame ? former : snapshot;
    return this.#snapshot;
  }

  #make(look: Look, ground: Ground): Made {
    const { inventories, cluster, having } = look;
    const { mesh, tenants } = ground;
    const joined = this.#joined;
    const moments = this.#moments.of(look);
    const inside = this.#inside.of(look, ground, moments);
    const granted = this.#granted.of(look, ground, inside, moments);
    const consented = { whole: [tenants], own: [inventories, moments] };
    const volumeGrants = this.#volumeGrants.each(having('Grant'), consented, (own) => {
      const nowMs = moments.of(own.namespace);
      return {
        reads: [own.of('Grant'), tenants, nowMs],
        make: (problems) => volumeGrantsIn(own, tenants, nowMs, problems),
      };
    });
    const serviceKeys = this.#serviceKeys.of(inside.services.values().map(({ keys }) => keys));
    const external = this.#external.each([cluster], undefined, () => ({
      reads: [cluster.of('Tenant'), tenants, serviceKeys],
      make: (problems) => buildExternalServices(cluster, tenants, serviceKeys, problems),
    }));
    const externalServices = external.of(wholeMesh) ?? new Map();
    const referring = this.#references.each(having('ReferenceGrant'), { whole: [], own: [inventories] }, (own) => ({
      reads: [own.of('ReferenceGrant')],
      make: () => referencesIn(own),
    }));
    const references = this.#everyReference.of(referring.values());
    const routed = { whole: [tenants, serviceKeys, granted.to, references], own: [inventories, inside.services] };
    const httpRoutes = this.#httpRoutes.each(having('HTTPRoute'), routed, (own) => {
      const isTenant = tenants.has(own.namespace);
      const services = inside.services.of(own.namespace)?.byKey ?? noServices;
      const context = { services, serviceKeys, grantsTo: granted.to, references };
      return {
        reads: [own.of('HTTPRoute'), isTenant, ...Object.values(context)],
        make: (problems) => httpRoutesIn(own, isTenant, context, problems),
      };
    });
    const drilled = this.#drilled.of(look, ground, inside, moments);
    const explicit = this.#explicit.of(ground, inside, granted, externalServices);
    return {
      mesh,
      nouns: {
        tenants: orNone(tenants),
        workloads: joined.workloads.of(inside.workloads, ({ byKey }) => byKey),
        services: joined.services.of(inside.services, ({ byKey }) => byKey),
        grants: joined.grants.of(granted.grants, itself),
        volumeGrants: joined.volumeGrants.of(volumeGrants, ({ byKey }) => byKey),
        policies: joined.policies.of(inside.policies, itself),
        trafficPolicies: joined.trafficPolicies.of(inside.trafficPolicies, itself),
        httpRoutes: joined.httpRoutes.of(httpRoutes, itself),
        drills: joined.drills.of(drilled.drills, itself),
        drillConsents: joined.drillConsents.of(drilled.consents, ({ consents }) => consents),
        externalServices: orNone(externalServices),
        explicitAddresses: joined.explicitAddresses.of(explicit.addresses, itself),
      },
      expired: [
        ...granted.expired,
        ...volumeGrants.values().flatMap(({ expired }) => expired),
        ...inside.expired,
        ...drilled.expired.map((key) => `DrillConsent/${key}`),
      ],
      problems: [ground, inside, granted, drilled, explicit]
        .flatMap(({ problems }) => problems)
        .concat(volumeGrants.problems(), external.problems(), httpRoutes.problems()),
    };
  }

  /** A grant, rule, consent or quarantine that ended by the clock moves the revision like one that was withdrawn. */
  #revisionOf(inventories: readonly NamespaceInventory[], expired: readonly string[], standing: Quarantines): string {
    const quarantined = Array.from(standing.values(), (each) => JSON.stringify(each));
    const hashed = [...inventories.map(({ hash }) => hash), ...expired, ...quarantined];
    return this.#revision.of(hashed, () => contentHash(hashed.join('\n')));
  }
}

function orNone<Value>(map: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  return map.size === 0 ? none : map;
}

function itself<Value>(value: Value): Value {
  return value;
}

const withoutMesh: Made = {
  mesh: absentMesh,
  nouns: {
    tenants: none,
    workloads: none,
    services: none,
    grants: none,
    volumeGrants: none,
    policies: none,
    trafficPolicies: none,
    httpRoutes: none,
    drills: none,
    drillConsents: none,
    externalServices: none,
    explicitAddresses: none,
  },
  expired: [],
  problems: [[missingMesh]],
};
