/**
 * What an event costs on its way to the cache, counted and not timed: proxies that are compared, changes whose bytes are read,
 * and proxies for which it is worked out what they are given. Each row is a law, and none of its numbers grows with the mesh.
 */
import { describe, expect, test } from 'vitest';
import { effectMs } from '../../src/controller/acceptance.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { TestClock } from '../xds/test-clock.ts';
import { Kept } from './kept.ts';

const services = 2;
const pods = 3;
/** Proxies of one tenant. */
const all = services * pods;

/** A few services with a few pods each. @param away pods that are not ready. @param without services that do not exist. */
function tenantOf(number: number, { away = [] as readonly string[], without = [] as readonly string[] } = {}): string {
  const name = `t${number}`;
  const parts = Array.from({ length: services }, (_, at) => {
    const app = `s${at}`;
    const replicas = Array.from({ length: pods }, (_each, index) => {
      const address = `10.${number}.${at}.${index + 1}`;
      const isReady = !away.includes(`${app}-${index}`);
      return pod(name, app, address, { ready: isReady }).replace(`name: ${app}-1`, `name: ${app}-${index}`);
    });
    const port = 'name: http, port: 80, targetPort: 8080';
    return [...replicas, ...(without.includes(app) ? [] : [service(name, app, `10.96.${number}.${at + 1}`, port)])];
  });
  return documents(tenant(name), ...parts.flat());
}

/** For everybody in a tenant, or for one service of it. */
function policy(number: number, rules: string, app?: string): string {
  const selector = app === undefined ? '' : `selector: { matchLabels: { app: ${app} } }, `;
  return `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: t${number} }
spec: { ${selector}${rules} }
`;
}

const denies = (path: string) => `deny: [{ to: { paths: [${path}] } }]`;

/** A roll-out whose proxies all have a stream and accept what they are given; it counts. */
class Counted {
  readonly #clock = new TestClock();
  readonly #kept = new Kept();
  readonly #given = new Map<string, ResourceSnapshot>();
  readonly #moved = new Set<string>();
  #counts = { compared: 0, read: 0, handed: 0 };
  readonly #rollout = new Rollout(
    {
      clock: this.#clock,
      cache: {
        set: (proxy, snapshot) => {
          this.#given.set(proxy, snapshot);
          this.#moved.add(proxy);
        },
        delete: () => undefined,
        setReady: () => undefined,
      },
      refusalsChanged: () => undefined,
    },
    {
      compared: () => this.#count('compared'),
      read: () => this.#count('read'),
      handed: () => this.#count('handed'),
    },
  );

  constructor(mesh: string) {
    this.look(mesh);
    this.come();
    this.answer();
  }

  look(mesh: string) {
    const snapshot = this.#kept.look(meshFrom(mesh));
    return this.#costOf(() => this.#rollout.publish(this.#kept.configurations, [], snapshot));
  }

  come() {
    return this.#costOf(() =>
      this.#each((ref) => this.#rollout.heard({ kind: 'stream-opened', nodeId: '', address: '', ...ref })),
    );
  }

  go() {
    return this.#costOf(() => this.#each((ref) => this.#rollout.heard({ kind: 'stream-closed', reason: '', ...ref })));
  }

  /** Everybody accepts all that there is. */
  answer() {
    return this.#costOf(() =>
      this.#each((ref) => {
        for (const [typeUrl, listing] of this.#given.get(ref.key)?.types ?? []) {
          const resources = new Map([...listing.values()].map(({ name, version }) => [name, version]));
          const answer = { typeUrl, nonce: '1', version: '1', resources, removed: [], ...ref };
          this.#rollout.heard({ kind: 'acked', ...answer });
        }
      }),
    );
  }

  /** One says that it has no endpoints of this name any more. */
  leave(key: string, name: string) {
    const ref = { stream: 1, protocol: 'delta', key } as const;
    return this.#costOf(() =>
      this.#rollout.heard({ kind: 'unsubscribed', typeUrl: typeUrls.endpoints, names: [name], ...ref }),
    );
  }

  pass(ms: number) {
    return this.#costOf(() => this.#clock.advance(ms));
  }

  #each(run: (ref: { readonly stream: number; readonly protocol: 'delta'; readonly key: string }) => void): void {
    for (const key of this.#kept.configurations.keys()) run({ stream: 1, protocol: 'delta', key });
  }

  #costOf(run: () => void) {
    this.#counts = { compared: 0, read: 0, handed: 0 };
    this.#moved.clear();
    run();
    return { ...this.#counts, set: this.#moved.size };
  }

  #count(what: 'compared' | 'read' | 'handed'): void {
    this.#counts[what] += 1;
  }
}

const nothing = { compared: 0, read: 0, handed: 0, set: 0 };

// The same numbers for both: none grows with the mesh.
describe.each([3, 6])('in a mesh of %i tenants', (size) => {
  const mesh = (first: string, others: (number: number) => string = (number) => tenantOf(number)) =>
    documents(first, ...Array.from({ length: size - 1 }, (_, index) => others(index + 1)));
  const plain = mesh(tenantOf(0));

  test('the same mesh again costs nothing', () => {
    expect(new Counted(plain).look(plain)).toEqual(nothing);
  });

  test('streams that come and go, and answers that nobody waits for, cost nothing', () => {
    const counted = new Counted(plain);
    expect([counted.answer(), counted.go(), counted.come()]).toEqual([nothing, nothing, nothing]);
  });

  test('an endpoint that goes is its tenant, of which nothing is read', () => {
    const next = mesh(tenantOf(0, { away: ['s0-0'] }));
    expect(new Counted(plain).look(next)).toEqual({ compared: all, read: 0, handed: all, set: all });
  });

  test('a rule that denies more is the pods that it selects, and is read once for them all', () => {
    const [before, after] = ['/a', '/b'].map((path) => mesh(documents(tenantOf(0), policy(0, denies(path), 's1'))));
    const cost = new Counted(before ?? '').look(after ?? '');
    expect(cost).toEqual({ compared: pods, read: 1, handed: pods, set: pods });
  });

  test('a rule that names one of them is read for that one and for the others', () => {
    const [before, after] = ['/a', '/t0/s1-0'].map((path) =>
      mesh(documents(tenantOf(0), policy(0, denies(path), 's1'))),
    );
    expect(new Counted(before ?? '').look(after ?? '')).toMatchObject({ compared: pods, read: 2 });
  });

  test('a rule that denies less is tried by one of them, and its answer concerns the others', () => {
    const counted = new Counted(mesh(documents(tenantOf(0), policy(0, denies('/a'), 's1'))));
    // Read twice: whether it may wait, and of which shape it is. Those that wait are told another revision.
    expect(counted.look(plain)).toEqual({ compared: pods, read: 2, handed: pods, set: pods });
    expect(counted.answer()).toEqual({ compared: 0, read: 0, handed: pods - 1, set: pods - 1 });
  });

  test('while a door is kept open, each event looks at those that keep it, and at nobody else', () => {
    const counted = new Counted(plain);
    const looked = counted.look(mesh(tenantOf(0, { without: ['s0'] })));
    // Their listener is one, and read once.
    expect(looked).toEqual({ compared: all, read: 1, handed: all, set: all });
    expect(counted.leave('t0/s1-0', 't0/s0/80')).toEqual(nothing);
    expect(counted.leave('t1/s1-0', 't1/s0/80')).toEqual(nothing);
    expect(counted.pass(effectMs)).toEqual({ compared: 0, read: 0, handed: pods, set: 0 });
  });
});

test('a rule for every tenant is every proxy, and is read once for each tenant', () => {
  const size = 4;
  const mesh = (path: string) =>
    documents(
      ...Array.from({ length: size }, (_, number) => documents(tenantOf(number), policy(number, denies(path)))),
    );
  const cost = new Counted(mesh('/a')).look(mesh('/b'));
  expect(cost).toEqual({ compared: size * all, read: size, handed: size * all, set: size * all });
});
