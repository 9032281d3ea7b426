/** A port that is declared and routed to in one edit: who is given what, when the callee answers and when it does not. */
import { beforeEach, expect, test } from 'vitest';
import { effectMs, silenceMs } from '../../src/controller/acceptance.ts';
import { canaryWaitMs } from '../../src/controller/canary.ts';
import { doorsOf, endpointsOf, inboundListeners } from '../../src/controller/doors.ts';
import { referencesOf } from '../../src/controller/references.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import type { Clock } from '../../src/xds/ports.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { configured } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { TestClock } from '../xds/test-clock.ts';

const caller = 'shop/web-1';
const callee = 'shop/api-1';
const pods = documents(tenant('shop'), pod('shop', 'web', '10.1.0.1'), pod('shop', 'api', '10.1.0.2'));
const declared = documents(pods, service('shop', 'api', '10.96.0.2', 'name: http, port: 80, targetPort: 8080'));
const barred = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: shop }
spec: { deny: [{ from: { serviceAccounts: [web] } }] }
`;

let clock: TestClock;
let given: Map<string, ResourceSnapshot>;
let rollout: Rollout;

beforeEach(() => {
  clock = new TestClock();
  begin(clock);
});

function begin(clock: Clock): void {
  given = new Map();
  const cache = {
    set: (proxy: string, snapshot: ResourceSnapshot) => given.set(proxy, snapshot),
    delete: () => undefined,
    setReady: () => undefined,
  };
  rollout = new Rollout({ clock, cache, refusalsChanged: () => undefined });
}

function edit(yaml: string): void {
  const snapshot = meshFrom(yaml);
  rollout.publish(configured(snapshot), [], snapshot);
}

function start(yaml: string): void {
  edit(yaml);
  for (const key of [caller, callee]) rollout.heard({ kind: 'stream-opened', nodeId: key, address: '', ...ref(key) });
}

function ref(key: string) {
  return { stream: 1, protocol: 'delta', key } as const;
}

/** Accepts all that it was given. */
function answer(key: string): void {
  for (const [typeUrl, listing] of given.get(key)?.types ?? []) {
    const resources = new Map([...listing.values()].map(({ name, version }: Resource) => [name, version]));
    rollout.heard({ kind: 'acked', typeUrl, nonce: '1', version: '1', resources, removed: [], ...ref(key) });
  }
}

/** Asks for the endpoints no longer, as Envoy does when their cluster goes. */
function leave(key: string): void {
  rollout.heard({ kind: 'unsubscribed', typeUrl: typeUrls.endpoints, names: ['shop/api/80'], ...ref(key) });
}

function isLed(): boolean {
  const assignments = [...(given.get(caller)?.types.get(typeUrls.endpoints)?.values() ?? [])];
  return assignments.some((each) => endpointsOf(each).has('10.1.0.2 8080'));
}

function isOpen(): boolean {
  const snapshot = given.get(callee) ?? expect.fail('nothing was given');
  return inboundListeners(snapshot).some((listener) => doorsOf(listener).has('8080 shop.mesh.coffre'));
}

test('the caller is led there when the callee has accepted its door, and a moment has passed', () => {
  start(pods);
  edit(declared);
  expect([isOpen(), isLed()]).toEqual([true, false]);
  answer(callee);
  clock.advance(effectMs - 1);
  expect(isLed()).toBe(false);
  clock.advance(1);
  expect(isLed()).toBe(true);
});

test('a callee that does not answer is waited for until a bound, and then no timer is left', () => {
  start(pods);
  answer(caller);
  edit(declared);
  clock.advance(silenceMs - 1);
  expect(isLed()).toBe(false);
  clock.advance(1);
  expect(isLed()).toBe(true);
  clock.advance(2 * silenceMs);
  expect(clock.armed).toBe(0);
});

test.each([-3_600_000, 3_600_000])(
  'a clock that is set by %i ms while a callee is waited for changes nothing',
  (leapMs) => {
    let setMs = 0;
    begin({
      nowMs: () => clock.nowMs() + setMs,
      monotonicMs: () => clock.nowMs(),
      setTimer: (ms, then) => clock.setTimer(ms, then),
    });
    start(pods);
    edit(declared);
    setMs = leapMs;
    edit(declared);
    clock.advance(silenceMs - 1);
    expect(isLed()).toBe(false);
    clock.advance(1);
    expect(isLed()).toBe(true);
    clock.advance(2 * silenceMs);
    expect(clock.armed).toBe(0);
  },
);

test('a way that waits for one new service and is then led to another waits no longer for that', () => {
  const of = (app: string, name: string, address: string, targetPort: number) =>
    service('shop', name, address, `name: http, port: 80, targetPort: ${targetPort}`).replace(
      `app: ${name}`,
      `app: ${app}`,
    );
  const front = of('web', 'front', '10.96.0.3', 8_080);
  const behind = (name: string, targetPort: number) =>
    documents(
      of('api', name, '10.96.0.2', targetPort),
      `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: front }]
  rules: [{ backendRefs: [{ name: ${name}, port: 80 }] }]
`,
    );
  // The callee tries what is new before anybody else, and may call itself as well.
  const ledTo = () => {
    const ways = [...(given.get(callee)?.types.get(typeUrls.route)?.values() ?? [])];
    const front = ways.filter(({ name }) => name.includes('/front/')).flatMap((way) => [...referencesOf(way)]);
    return front.map((key) => key.slice(key.indexOf(' ') + 1));
  };
  start(documents(pods, front));
  edit(documents(pods, front, behind('one', 8_081)));
  clock.advance(silenceMs - 1_000);
  edit(documents(pods, front, behind('two', 8_082)));
  expect(ledTo()).toEqual(['shop/front/80']);
  clock.advance(1_000);
  expect(ledTo()).toEqual(['shop/two/80']);
  clock.advance(canaryWaitMs + 2 * silenceMs);
  expect(clock.armed).toBe(0);
});

test('a callee without a stream is not waited for, before or after', () => {
  start(pods);
  edit(declared);
  rollout.heard({ kind: 'stream-closed', reason: 'gone', ...ref(callee) });
  expect(isLed()).toBe(true);
});

test('the callee keeps its door until every caller says that it has left, and a moment has passed', () => {
  start(declared);
  edit(pods);
  expect([isLed(), isOpen()]).toEqual([false, true]);
  leave(caller);
  clock.advance(effectMs);
  // Its own proxy may call it as well.
  expect(isOpen()).toBe(true);
  leave(callee);
  clock.advance(effectMs - 1);
  expect(isOpen()).toBe(true);
  clock.advance(1);
  expect(isOpen()).toBe(false);
});

test('the callee keeps its door no longer than the bound, and then no timer is left', () => {
  start(declared);
  edit(pods);
  clock.advance(silenceMs - 1);
  expect(isOpen()).toBe(true);
  clock.advance(1);
  expect(isOpen()).toBe(false);
  clock.advance(2 * silenceMs);
  expect(clock.armed).toBe(0);
});

test('a caller without a stream keeps no door open', () => {
  start(declared);
  for (const key of [caller, callee]) rollout.heard({ kind: 'stream-closed', reason: 'gone', ...ref(key) });
  edit(pods);
  expect(isOpen()).toBe(false);
});

test('where a deny comes in the same edit, the door is shut at once', () => {
  start(declared);
  edit(documents(pods, barred));
  expect(isOpen()).toBe(false);
});

test('a deny that comes while a door is kept shuts it at once', () => {
  start(declared);
  edit(pods);
  edit(documents(pods, barred));
  expect(isOpen()).toBe(false);
});
