/**
 * What a change costs, counted and not timed: resources that are built and encoded, proxies that are looked into, and
 * those whose configuration is another. Each row is a law that must hold exactly, and none of its numbers grows with the mesh.
 */
import { describe, expect, test } from 'vitest';
import { Configurator } from '../../src/controller/configurator.ts';
import { type Configuration, workerKey } from '../../src/controller/configure.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { platform } from '../fixtures/configured.ts';
import { fakeTrust } from '../fixtures/fake-trust.ts';

const house = `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: mesh.test }
`;

const services = 3;
const pods = 2;

/** The same for all: 8 that every proxy has and the listener that catches; and the workers' identity. */
const fixtures = 8 + 1 + 1;

/**
 * Of one tenant: the doors of its services, which are alike, are one cluster, listener and anchor; of each service its
 * identity, 5 for its callers, and of all of its pods the rules and the program.
 */
const perTenant = 3 + services * (1 + 5 + 2);
/** Rules and program of each pod: made of one encoding, and another value each. */
const heldPerTenant = perTenant + 2 * services * (pods - 1);

/** A tenant of a few services with a few pods each. @param number its place among the tenants. */
function tenant(number: number): readonly string[] {
  const name = `t${number}`;
  const all = Array.from({ length: services }, (_, service) => [
    `apiVersion: v1
kind: Service
metadata: { name: s${service}, namespace: ${name} }
spec:
  clusterIP: 10.96.${number}.${service + 1}
  selector: { app: s${service} }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
`,
    ...Array.from({ length: pods }, (_, each) => pod(number, service, each)),
  ]);
  return [
    `apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: ${name} }\nspec: { environment: prod }\n`,
    ...all.flat(),
  ];
}

function pod(number: number, service: number, each: number, ready = true): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: s${service}-${each}, namespace: t${number}, labels: { app: s${service} } }
spec: { serviceAccountName: s${service} }
status:
  podIPs: [{ ip: 10.${number}.${service}.${each + 1} }]
  conditions: [{ type: Ready, status: "${ready ? 'True' : 'False'}" }]
`;
}

function policy(number: number, service: number, method: string): string {
  return `apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p${service}, namespace: t${number} }
spec:
  selector: { matchLabels: { app: s${service} } }
  allow: [{ from: { serviceAccounts: [s1] }, to: { methods: [${method}] } }]
`;
}

/** t0's first service, opened to the second account of t1. */
const grant = `apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: t0 }
spec: { from: { tenant: t1, serviceAccounts: [s1] }, to: { service: s0 }, reason: counted }
`;

/** Looks at one mesh after another, and counts what each look costs. */
class Counted {
  private encoded = 0;
  private visited = 0;
  private readonly configurator = new Configurator(platform, {
    encoded: () => {
      this.encoded += 1;
    },
    visited: (proxies) => {
      this.visited += proxies;
    },
  });
  private before: Configuration | undefined;
  private readonly builder = new SnapshotBuilder();

  look(objects: readonly string[]) {
    const { told, before } = this.told(objects);
    const { encoded, visited } = this;
    const changed = [...told.proxies].filter(([key, each]) => before?.proxies.get(key) !== each);
    return { encoded, visited, changed: changed.length, moved: movedTypes(before, told) };
  }

  /** Authorization workers are elsewhere from here on. */
  reach(...addresses: readonly string[]): this {
    this.configurator.reach(addresses.map((address) => ({ address, port: 15_016 })));
    return this;
  }

  told(objects: readonly string[]) {
    this.encoded = 0;
    this.visited = 0;
    // Each in a file of its own: where the others are written moves no object.
    const snapshot = this.builder.build(objects.flatMap((text) => parseDocument(text, nameOf(text)).objects));
    const told = this.configurator.configure(snapshot, fakeTrust, 0);
    const { before } = this;
    this.before = told;
    return { told, before };
  }
}

function nameOf(text: string): string {
  return text.match(/(kind|metadata): .*/g)?.join(' ') ?? '';
}

/** Types of which some proxy was given another listing. */
function movedTypes(before: Configuration | undefined, after: Configuration): readonly string[] {
  const moved = new Set<string>();
  for (const [key, { types }] of after.proxies) {
    const former = before?.proxies.get(key);
    for (const [typeUrl, listing] of types) if (former?.types.get(typeUrl) !== listing) moved.add(typeUrl);
  }
  return [...moved].map((typeUrl) => typeUrl.slice(typeUrl.lastIndexOf('.') + 1)).sort();
}

const nothing = { encoded: 0, visited: 0, changed: 0, moved: [] };
/** Proxies of one tenant. */
const all = services * pods;
/** The authorization workers' own configuration. */
const workers = 1;
const endpoints = ['ClusterLoadAssignment'];
const rules = ['PolicyProgram', 'RouteConfiguration'];
const ways = ['Cluster', 'ClusterLoadAssignment', 'Listener', 'PolicyProgram', 'RouteConfiguration', 'Secret'];

// The same numbers for both: none grows with the mesh.
describe.each([4, 8])('in a mesh of %i tenants', (size) => {
  const mesh = [house, ...Array.from({ length: size }, (_, number) => tenant(number)).flat()];
  const withGrant = [...mesh, grant];

  function cost(before: readonly string[], next: readonly string[]) {
    const counted = new Counted();
    counted.look(before);
    return counted.look(next);
  }
  const replaced = (objects: readonly string[], former: string, next: string) =>
    objects.map((text) => (text === former ? next : text));

  test('the same objects again, or others of the same content, cost nothing', () => {
    expect(cost(withGrant, withGrant)).toEqual(nothing);
    expect(cost(withGrant, withGrant.toReversed())).toEqual(nothing);
  });

  test('one endpoint is one encoding, and moves nothing but endpoints, of its own tenant', () => {
    const next = replaced(mesh, pod(0, 1, 0), pod(0, 1, 0, false));
    expect(cost(mesh, next)).toEqual({ encoded: 1, visited: all, changed: all, moved: endpoints });
  });

  test('one endpoint that another tenant was granted is one encoding as well', () => {
    const next = replaced(withGrant, pod(0, 0, 0), pod(0, 0, 0, false));
    const told = all + pods;
    expect(cost(withGrant, next)).toEqual({ encoded: 1, visited: told, changed: told, moved: endpoints });
  });

  test('one endpoint is one encoding after a look that left all ways where they were, too', () => {
    const counted = new Counted();
    const [get, post] = [policy(0, 1, 'GET'), policy(0, 1, 'POST')];
    counted.look([...mesh, get]);
    counted.look([...mesh, post]);
    const next = replaced([...mesh, post], pod(0, 1, 0), pod(0, 1, 0, false));
    expect(counted.look(next)).toEqual({ encoded: 1, visited: all, changed: all, moved: endpoints });
  });

  test('a policy edit is the rules and the program of the pods that it selects, encoded once for all of them', () => {
    const next = cost([...mesh, policy(0, 1, 'GET')], [...mesh, policy(0, 1, 'POST')]);
    expect(next).toEqual({ encoded: 2, visited: pods, changed: pods + workers, moved: rules });
  });

  test('a grant is one way for its caller, and for its callee the listener, the anchors and the rules of its pods', () => {
    const caller = ['secret', 'cluster', 'listener', 'route'].length;
    const callee = ['listener', 'anchor', 'anchor', 'rules', 'program'].length;
    const both = 2 * pods;
    expect(cost(mesh, withGrant)).toEqual({
      encoded: caller + callee,
      visited: both,
      changed: both + workers,
      moved: ways,
    });
  });

  test('a new pod is an endpoint for its tenant, and its own rules and program are those of its class with another name', () => {
    const { moved, ...others } = cost(mesh, [...mesh, pod(0, 1, 7)]);
    expect(others).toEqual({ encoded: 1, visited: all + 1, changed: all + 1 + workers });
    expect(moved).toContain('ClusterLoadAssignment');
  });

  test('what holds for the whole mesh is one listener for each tenant, and looks into every proxy once', () => {
    const sampled = house.replace('mesh.test', 'mesh.test, evidence: { samplePercent: 7 }');
    const next = cost(mesh, replaced(mesh, house, sampled));
    expect(next).toEqual({ encoded: size, visited: size * all, changed: size * all, moved: ['Listener'] });
  });

  test('an authorization worker that comes or goes is one encoding for the whole mesh, and moves endpoints alone', () => {
    const counted = new Counted().reach('10.0.0.5');
    counted.look(mesh);
    const told = { encoded: 1, visited: size * all, changed: size * all, moved: endpoints };
    expect(counted.reach('10.0.0.5', '10.0.0.6').look(mesh)).toEqual(told);
    expect(counted.reach('10.0.0.6').look(mesh)).toEqual(told);
    expect(counted.reach('10.0.0.6').look(mesh)).toEqual(nothing);
  });

  test('a proxy holds two resources of its own, and shares every other one with its class at least', () => {
    const { told } = new Counted().told(mesh);
    const resources = new Set<unknown>();
    const listings = new Set<unknown>();
    for (const [key, { types }] of told.proxies) {
      for (const [typeUrl, listing] of types) {
        for (const each of listing.values()) resources.add(each);
        if (key !== workerKey && typeUrl !== typeUrls.route) listings.add(listing);
      }
    }
    // The application's cluster was encoded for each tenant, and found to be that of all of them.
    expect(resources.size).toBe(size * (heldPerTenant - 1) + 1 + fixtures);
    // One for each class and type: what lies beyond is the routes, of which each proxy has one map laid over another.
    const types = told.proxies.get('t0/s0-0')?.types.size ?? 0;
    expect(listings.size).toBe(size * services * (types - 1));
  });

  test('a tenant more is looked into by itself', () => {
    const added = cost(mesh, [...mesh, ...tenant(20)]);
    expect(added).toMatchObject({ visited: all, changed: all + workers });
    expect(added.encoded).toBe(perTenant);
  });

  test('at first every proxy is looked into, and each tenant costs what one more would', () => {
    const first = new Counted().look(mesh);
    expect(first).toMatchObject({
      encoded: size * perTenant + fixtures,
      visited: size * all,
      changed: size * all + workers,
    });
  });
});
