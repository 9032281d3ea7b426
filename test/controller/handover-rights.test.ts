/**
 * A lost right never waits: whatever a proxy was not told of when it happened still counts when its configuration is made again.
 *
 * The edits take a service from its pods, so that their doors would be kept for callers on their way: but not where a right
 * was lost since the configuration of that proxy was made.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { doorsOf, endpointsOf, inboundListeners } from '../../src/controller/doors.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { configured } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { TestClock } from '../xds/test-clock.ts';

const caller = 'shop/web-1';
const callee = 'shop/api-1';
const closedTenant = tenant('shop', 'environment: prod, defaultAccess: none');
const served = service('shop', 'api', '10.96.0.2', 'name: http, port: 80, targetPort: 8080');
const shopDoor = '8080 shop.mesh.coffre';

/** @param tier a label of the callee that its service asks for when it is `open`. */
function pods(tier = 'open', shop = tenant('shop')): string {
  const api = pod('shop', 'api', '10.1.0.2').replace('labels: { app: api }', `labels: { app: api, tier: ${tier} }`);
  return documents(shop, pod('shop', 'web', '10.1.0.1'), api);
}

function policy(spec: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: shop }
spec: { ${spec} }
`;
}

const barred = policy('deny: [{ from: { serviceAccounts: [web] } }]');
/** It selects what a service selects that asks for the same label. */
const ofTier = (tier: string, rule: string) => policy(`selector: { matchLabels: { tier: ${tier} } }, ${rule}`);
const barsLocked = ofTier('locked', 'deny: [{ from: { serviceAccounts: [web] } }]');
const letsOpen = ofTier('open', 'allow: [{ from: { serviceAccounts: [web] } }]');
const barsOthers = ofTier('other', 'deny: [{ from: { serviceAccounts: [web] } }]');
const spare = pod('shop', 'spare', '10.1.0.3').replace('labels: { app: spare }', 'labels: { app: api, tier: open }');
const servedOpen = served.replace('selector: { app: api }', 'selector: { app: api, tier: open }');

let clock: TestClock;
let given: Map<string, ResourceSnapshot>;
let rollout: Rollout;

beforeEach(() => {
  clock = new TestClock();
  given = new Map();
  const cache = {
    set: (proxy: string, snapshot: ResourceSnapshot) => given.set(proxy, snapshot),
    delete: () => undefined,
    setReady: () => undefined,
  };
  rollout = new Rollout({ clock, cache, refusalsChanged: () => undefined });
});

/** @param withheld proxies for which nothing is made this time. */
function look(yaml: string, withheld: readonly string[] = []): void {
  const snapshot = meshFrom(yaml);
  const made = [...configured(snapshot, clock.nowMs())].filter(([key]) => !withheld.includes(key));
  rollout.publish(new Map(made), [], snapshot, clock.nowMs());
}

function start(yaml: string): void {
  look(yaml);
  connectAll();
}

function connectAll(): void {
  for (const key of given.keys())
    rollout.heard({ kind: 'stream-opened', nodeId: key, address: '', stream: 1, protocol: 'delta', key });
}

function isOpen(door = shopDoor): boolean {
  const snapshot = given.get(callee) ?? expect.fail('nothing was given');
  return inboundListeners(snapshot).some((listener) => doorsOf(listener).has(door));
}

function isLed(): boolean {
  const assignments = [...(given.get(caller)?.types.get(typeUrls.endpoints)?.values() ?? [])];
  return assignments.some((each) => endpointsOf(each).has('10.1.0.2 8080'));
}

describe('a callee that was withheld', () => {
  test('keeps its door where no right was lost meanwhile', () => {
    start(documents(pods(), served));
    look(documents(pods(), served), [callee]);
    look(pods());
    expect(isOpen()).toBe(true);
  });

  test('shuts its door at once where a right was lost in the look that it missed', () => {
    start(documents(pods(), served));
    look(documents(pods(), served, barred), [callee]);
    look(documents(pods(), barred));
    expect(isOpen()).toBe(false);
  });

  test('shuts its door at once where a right was lost in the first of the looks that it missed', () => {
    start(documents(pods(), served));
    for (const _ of [1, 2, 3]) look(documents(pods(), served, barred), [callee]);
    look(documents(pods(), barred));
    expect(isOpen()).toBe(false);
  });

  test('shuts its door at once where it comes back with fewer rights', () => {
    start(documents(pods(), served));
    look(documents(pods(), served), [callee]);
    look(documents(pods(), barred));
    expect(isOpen()).toBe(false);
  });

  test('shuts its door at once where it was relabelled meanwhile, and a policy selects it now', () => {
    start(documents(pods(), served, barsLocked));
    look(documents(pods('locked'), served, barsLocked), [callee]);
    look(documents(pods('locked'), barsLocked));
    expect(isOpen()).toBe(false);
  });

  test('keeps its door in a later edit: what it missed counts once', () => {
    start(documents(pods(), served));
    look(documents(pods(), served, barred), [callee]);
    look(documents(pods(), served, barred));
    look(documents(pods(), barred));
    expect(isOpen()).toBe(true);
  });
});

describe('a caller that was withheld', () => {
  test('waits for a door where its tenant is the place that it was', () => {
    start(pods());
    look(pods(), [caller]);
    look(documents(pods(), served));
    expect(isLed()).toBe(false);
  });

  test('waits for nobody where its tenant became another place in the look that it missed', () => {
    start(documents(pods(), barred));
    look(documents(pods('open', closedTenant), letsOpen), [caller]);
    look(documents(pods('open', closedTenant), letsOpen, served));
    expect(isLed()).toBe(true);
  });
});

describe('a callee that is relabelled, so that its service selects it no longer,', () => {
  test.each([
    { what: 'shuts its door at once where a policy begins to select it', rules: barsLocked, kept: false },
    { what: 'shuts its door at once where a policy stops to select it', rules: letsOpen, kept: false },
    { what: 'keeps its door where policies select it as before', rules: barsOthers, kept: true },
  ])('$what', ({ rules, kept }) => {
    start(documents(pods(), spare, servedOpen, rules));
    look(documents(pods('locked'), spare, servedOpen, rules));
    expect(isOpen()).toBe(kept);
  });
});

test('where the default of a tenant is changed in the same edit, the door is shut at once', () => {
  start(documents(pods(), served));
  look(pods('open', closedTenant));
  expect(isOpen()).toBe(false);
});

describe('the end of a grant, by the clock alone', () => {
  const lastsMs = 1_000;
  const bankDoor = '8080 bank.mesh.coffre';
  const granted = () => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: shop }
spec:
  from: { tenant: bank }
  to: { service: api }
  notAfter: "${new Date(clock.nowMs() + lastsMs).toISOString()}"
  reason: reads
`;
  const mesh = () => documents(pods(), served, tenant('bank'), pod('bank', 'till', '10.2.0.1'), granted());

  test('shuts the door at once, between two looks at the same mesh', () => {
    const same = mesh();
    start(same);
    clock.advance(lastsMs - 1);
    look(same);
    expect(isOpen(bankDoor)).toBe(true);
    clock.advance(1);
    look(same);
    expect([isOpen(bankDoor), isOpen()]).toEqual([false, true]);
  });

  test('shuts the door at once, also where it ended while configurations were made', () => {
    const snapshot = meshFrom(mesh());
    const madeAtMs = clock.nowMs();
    const made = configured(snapshot, madeAtMs);
    clock.advance(lastsMs);
    rollout.publish(made, [], snapshot, madeAtMs);
    connectAll();
    expect(isOpen(bankDoor)).toBe(true);
    rollout.publish(configured(snapshot, clock.nowMs()), [], snapshot, clock.nowMs());
    expect(isOpen(bankDoor)).toBe(false);
  });
});
