/** Over any course of edits, answers, absences and waits of random meshes: what is given is whole, and nothing that closes waits. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Canaries, canaryWaitMs } from '../../src/controller/canary.ts';
import type { CanaryEvent, Wanted } from '../../src/controller/canary-state.ts';
import { mayWait } from '../../src/controller/may-wait.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { at, fieldsNamed } from '../envoy/json.ts';
import { configured, decoded } from '../fixtures/configured.ts';
import { randomMesh, randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';

const options = { timeout: randomTestMs };

type Turn =
  | { readonly kind: 'edit'; readonly mesh: number }
  | { readonly kind: 'ack' | 'nack' | 'come' | 'go'; readonly proxy: number; readonly type: number }
  | { readonly kind: 'wait' };

const anyTurn: fc.Arbitrary<Turn> = fc.oneof(
  fc.record({ kind: fc.constant('edit' as const), mesh: fc.nat(2) }),
  fc.record({
    kind: fc.constantFrom('ack' as const, 'nack' as const, 'come' as const),
    proxy: fc.nat(9),
    type: fc.nat(6),
  }),
  fc.record({ kind: fc.constantFrom('go' as const), proxy: fc.nat(9), type: fc.constant(0) }),
  fc.record({ kind: fc.constant('wait' as const) }),
);

/** Proxies of one random mesh after the other, driven by the test. */
class Course {
  readonly canaries = new Canaries();
  nowMs = 0;
  readonly wanted = new Map<string, ResourceSnapshot>();
  readonly given = new Map<string, ResourceSnapshot>();

  take(event: CanaryEvent): void {
    const { publish } = this.canaries.take(event, this.nowMs);
    for (const [proxy, snapshot] of publish) this.given.set(proxy, snapshot);
  }

  edit(mesh: ReadonlyMap<string, ResourceSnapshot>): void {
    const gone = [...this.wanted.keys()].filter((proxy) => !mesh.has(proxy));
    const proxies = new Map<string, Wanted>();
    for (const [proxy, snapshot] of mesh) {
      const owner = proxy.slice(0, proxy.indexOf('/'));
      proxies.set(proxy, { snapshot, owner, mates: owner });
      this.wanted.set(proxy, snapshot);
    }
    for (const proxy of gone) for (const map of [this.wanted, this.given]) map.delete(proxy);
    this.take({ kind: 'wanted', proxies, gone });
  }

  answer(kind: 'acked' | 'nacked', proxy: string, type: number): void {
    const listings = [...(this.given.get(proxy)?.types ?? [])];
    const [typeUrl, listing] = listings[type % Math.max(1, listings.length)] ?? [];
    if (typeUrl === undefined || listing === undefined) return;
    const resources = new Map([...listing.values()].map(({ name, version }) => [name, version]));
    this.take({ kind, proxy, typeUrl, resources, message: 'no' });
  }

  run(turn: Turn, meshes: readonly ReadonlyMap<string, ResourceSnapshot>[]): void {
    const proxies = [...this.wanted.keys()];
    const proxy = 'proxy' in turn ? proxies[turn.proxy % Math.max(1, proxies.length)] : undefined;
    if (turn.kind === 'edit') this.edit(meshes[turn.mesh] ?? new Map());
    if (turn.kind === 'wait') {
      this.nowMs += canaryWaitMs;
      this.take({ kind: 'time' });
    }
    if (proxy === undefined || !('proxy' in turn)) return;
    if (turn.kind === 'ack' || turn.kind === 'nack') this.answer(`${turn.kind}ed`, proxy, turn.type);
    else this.take({ kind: turn.kind === 'come' ? 'connected' : 'disconnected', proxy });
  }
}

function everyCourse(check: (course: Course) => void, finish: (course: Course) => void = () => undefined): void {
  const meshes = fc.tuple(randomMesh(), randomMesh(), randomMesh());
  fc.assert(
    fc.property(meshes, fc.array(anyTurn, { minLength: 3, maxLength: 14 }), (objects, turns) => {
      const all = objects.map((each) => configured(snapshotOf(each, 0)));
      const course = new Course();
      course.edit(all[0] ?? new Map());
      for (const turn of turns) {
        course.run(turn, all);
        check(course);
      }
      finish(course);
    }),
    { numRuns: 25 },
  );
}

test('what is given names no route, cluster, secret or assignment that is not there', options, () => {
  everyCourse(({ given, wanted }) => {
    for (const [proxy, snapshot] of given) {
      // The chain that never matches names a cluster that is nowhere, and so does what is wanted.
      const nowhere = danglingNames(wanted.get(proxy) ?? snapshot);
      expect([proxy, danglingNames(snapshot).filter((name) => !nowhere.includes(name))]).toEqual([proxy, []]);
    }
  });
});

test('what is gone is gone at once, and what may not wait is as it is wanted, at every proxy', options, () => {
  everyCourse(({ given, wanted }) => {
    for (const [proxy, snapshot] of wanted) {
      for (const [typeUrl, listing] of snapshot.types) {
        const has = given.get(proxy)?.types.get(typeUrl) ?? new Map<string, Resource>();
        expect([...has.keys()].filter((name) => !listing.has(name))).toEqual([]);
        for (const [name, resource] of listing) {
          const other = has.get(name);
          if (other?.version !== resource.version) expect([name, mayWait(other, resource)]).toEqual([name, true]);
        }
      }
    }
  });
});

test('where everybody accepts everything, everybody ends with what is wanted', options, () => {
  everyCourse(
    () => undefined,
    (course) => {
      course.edit(new Map(course.wanted));
      for (const proxy of course.wanted.keys()) course.take({ kind: 'connected', proxy });
      // What was refused on the way stays refused, and everything else passes by silence.
      for (let turn = 0; turn < 20; turn += 1) course.run({ kind: 'wait' }, []);
      if (course.canaries.refusals().some(({ kind }) => kind === 'held')) return;
      for (const [proxy, { types }] of course.wanted) {
        expect([...(course.given.get(proxy)?.types ?? [])].map(([url, all]) => [url, versions(all)])).toEqual(
          [...types].map(([url, all]) => [url, versions(all)]),
        );
      }
    },
  );
});

function versions(listing: ReadonlyMap<string, Resource>): unknown {
  return [...listing.values()].map(({ name, version }) => `${name} ${version}`).sort();
}

/** Read from the JSON of every message, and not by the code that is tried here. */
function danglingNames(snapshot: ResourceSnapshot): readonly string[] {
  const [listeners, clusters, routes] = (['listener', 'cluster', 'route'] as const).map((type) =>
    decoded(snapshot, type),
  );
  if (listeners === undefined || clusters === undefined || routes === undefined) return ['nothing decoded'];
  const all = [...listeners.values(), ...clusters.values(), ...routes.values()];
  const contexts = all.flatMap((value) => [
    ...fieldsNamed(value, 'tls_certificate_sds_secret_configs').flat(),
    ...fieldsNamed(value, 'validation_context_sds_secret_config'),
  ]);
  const assigned = [...clusters].filter(([, value]) => at(value, 'type')[0] === 'EDS').map(([name]) => name);
  const named = {
    route: all.flatMap((value) => fieldsNamed(value, 'route_config_name')),
    cluster: all.flatMap((value) => [...fieldsNamed(value, 'cluster'), ...fieldsNamed(value, 'cluster_name')]),
    secret: contexts.flatMap((context) => at(context, 'name')),
    endpoints: assigned,
  } as const;
  const present = new Set([...snapshot.types.values()].flatMap((listing) => [...listing.values()].map(nameOf)));
  return Object.entries(named)
    .flatMap(([type, names]) => names.map((name) => `${type} ${String(name)}`))
    .filter((name) => !present.has(name));
}

const typeOf = { Listener: 'listener', Cluster: 'cluster', RouteConfiguration: 'route', Secret: 'secret' } as const;

function nameOf(resource: Resource): string {
  const message = resource.typeUrl.slice(resource.typeUrl.lastIndexOf('.') + 1);
  const type = (typeOf as Readonly<Record<string, string>>)[message] ?? 'endpoints';
  return `${type} ${resource.name}`;
}
