/** When a status is written, and when not: by a clock that moves when told to, over an API server in memory. */
import { beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject, Outcome } from '../../../src/kube/objects.ts';
import { condition } from '../../../src/kube/status/condition.ts';
import { wordsMs } from '../../../src/kube/status/status-queue.ts';
import { paceMs, reviewMs, type StatusEvent, StatusWriter, together } from '../../../src/kube/status/status-writer.ts';
import type { Wish } from '../../../src/kube/status/wish.ts';
import { parseDocument } from '../../../src/model/parse-document.ts';
import { TestClock } from '../../xds/test-clock.ts';
import { FakeApi } from './fake-api.ts';

let clock: TestClock;
let api: FakeApi;
let events: StatusEvent[];
let term: number | undefined;
/** By how much somebody set the clock on the wall, in ms. */
let wallMs: number;
let changed: () => void;
let writer: StatusWriter;

beforeEach(() => {
  clock = new TestClock();
  api = new FakeApi();
  events = [];
  term = 7;
  wallMs = 0;
  changed = () => undefined;
  writer = newWriter();
});

function newWriter(): StatusWriter {
  const leadership = {
    term: () => term,
    onChange(listener: () => void) {
      changed = listener;
      return () => undefined;
    },
  };
  const clocks = {
    nowMs: () => clock.nowMs() + wallMs,
    monotonicMs: () => clock.nowMs(),
    setTimer: (afterMs: number, then: () => void) => clock.setTimer(afterMs, then),
  };
  return new StatusWriter({
    leadership,
    objects: api,
    clock: clocks,
    random: () => 0.5,
    report: (event) => events.push(event),
  });
}

/** Time passes in steps; after each what was answered is heard. */
async function pass(ms: number, stepMs = Math.max(1, ms / 200)): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(Math.min(stepMs, ms - passed));
    await answered();
  }
}

async function answered(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function tenantText(name: string, environment = 'prod'): string {
  return `{ apiVersion: coffre.dev/v1alpha1, kind: Tenant, metadata: { name: ${name} }, spec: { environment: ${environment} } }`;
}

/** As an API server keeps it. */
function standing(name: string, environment = 'prod', generation = 1): KubeObject {
  const metadata = { name, generation };
  return { apiVersion: 'coffre.dev/v1alpha1', kind: 'Tenant', metadata, spec: { environment } };
}

function wish(name: string, message = 'fine', status: 'True' | 'False' = 'True', environment = 'prod'): Wish {
  const [object] = parseDocument(tenantText(name, environment), 'a.yaml').objects;
  if (object === undefined) throw new Error('no object');
  return { object, problems: [], conditions: [condition('Programmed', status, 'Reason', message)] };
}

function wishes(...all: readonly Wish[]): ReadonlyMap<string, Wish> {
  return new Map(all.map((each) => [each.object.id, each]));
}

function conditionOf(name: string): Record<string, unknown> | undefined {
  const status = api.objects.get(`tenants//${name}`)?.['status'] as
    | { conditions?: Record<string, unknown>[] }
    | undefined;
  return status?.conditions?.[0];
}

const unanswered: Outcome = { kind: 'unanswered', message: 'no answer' };

test('a status is written with the generation that was judged, and the term', async () => {
  api.put('tenants', standing('a', 'prod', 4));
  writer.wish(wishes(wish('a')));
  await pass(100);
  expect(conditionOf('a')).toMatchObject({ status: 'True', observedGeneration: 4, message: 'fine' });
  expect(api.objects.get('tenants//a')?.['status']).toMatchObject({ term: 7 });
});

test('what stands already is not written', async () => {
  api.put('tenants', standing('a'));
  writer.wish(wishes(wish('a')));
  await pass(100);
  writer.wish(wishes(wish('a')));
  await pass(2 * wordsMs);
  expect(api.asked.writes).toBe(1);
});

test('the moment of the last turn is kept while the status is', async () => {
  api.put('tenants', standing('a'));
  writer.wish(wishes(wish('a')));
  await pass(100);
  const { lastTransitionTime } = conditionOf('a') ?? {};
  const moved = wish('a', 'fine, too');
  writer.wish(wishes(moved));
  await pass(2 * wordsMs);
  expect(conditionOf('a')).toMatchObject({ message: 'fine, too', lastTransitionTime });
  writer.wish(wishes({ ...moved, conditions: wish('a', 'not any more', 'False').conditions }));
  await pass(100);
  expect(conditionOf('a')?.['lastTransitionTime']).not.toBe(lastTransitionTime);
});

test('a condition that turns is written at once, and what only reads otherwise waits for the next', async () => {
  api.put('tenants', standing('a'));
  const first = wish('a');
  writer.wish(wishes(first));
  await pass(100);
  writer.wish(wishes({ ...first, conditions: wish('a', '13 of 13 proxies').conditions }));
  await pass(wordsMs - 1_000);
  expect(conditionOf('a')?.['message']).toBe('fine');
  writer.wish(wishes({ ...first, conditions: wish('a', '14 of 14 proxies').conditions }));
  await pass(2_000);
  expect([conditionOf('a')?.['message'], api.asked.writes]).toEqual(['14 of 14 proxies', 2]);
});

test('an object that is not the one that was judged is not spoken of', async () => {
  api.put('tenants', standing('a', 'staging', 2));
  writer.wish(wishes(wish('a')));
  await pass(5_000);
  expect(api.asked.writes).toBe(0);
  writer.wish(wishes(wish('a', 'fine', 'True', 'staging')));
  await pass(100);
  expect(conditionOf('a')).toMatchObject({ observedGeneration: 2 });
});

test('an object that is deleted midway is let go of', async () => {
  api.put('tenants', standing('a'));
  api.before = () => {
    if (api.asked.writes > 0) api.objects.delete('tenants//a');
    return Promise.resolve();
  };
  writer.wish(wishes(wish('a')));
  await pass(60_000);
  expect([api.asked.writes, events]).toEqual([1, []]);
});

test('an object that was deleted and made again is read again at the review, though nobody wishes anew', async () => {
  api.put('tenants', standing('a'));
  writer.wish(wishes(wish('a')));
  await pass(100);
  api.put('tenants', standing('a'));
  expect(conditionOf('a')).toBeUndefined();
  await pass(1.3 * reviewMs);
  expect(conditionOf('a')).toMatchObject({ message: 'fine' });
});

describe('the leader alone writes', () => {
  test('a replica that does not lead asks for nothing', async () => {
    term = undefined;
    api.put('tenants', standing('a'));
    writer.wish(wishes(wish('a')));
    await pass(10_000);
    expect(api.asked).toMatchObject({ reads: 0, writes: 0 });
  });

  test('one that leads from now on writes what is wished, and leaves its term in every status', async () => {
    for (const name of ['a', 'b']) api.put('tenants', { ...standing(name), status: { term: 7 } });
    term = undefined;
    writer.wish(wishes(wish('a'), wish('b')));
    term = 8;
    changed();
    await pass(1_000);
    const terms = [...api.objects.values()].map(({ status }) => (status as { term: number }).term);
    expect(terms).toEqual([8, 8]);
  });

  test('one that has lost it between reading and writing does not write', async () => {
    api.put('tenants', standing('a'));
    api.before = () => {
      term = undefined;
      return Promise.resolve();
    };
    writer.wish(wishes(wish('a')));
    await pass(10_000);
    expect(api.asked).toMatchObject({ reads: 1, writes: 0 });
  });

  test('FLT-34: a former leader that does not know it is refused, says so, and rarely tries again', async () => {
    api.put('tenants', { ...standing('a'), status: { term: 9 } });
    writer.wish(wishes(wish('a')));
    await pass(20_000);
    expect(events).toEqual([{ kind: 'refused', id: 'Tenant//a', message: expect.stringContaining('later leader') }]);
    expect(api.asked.writes).toBe(1);
    expect(api.objects.get('tenants//a')?.['status']).toEqual({ term: 9 });
  });
});

describe('the API server is spared', () => {
  const many = Array.from({ length: 500 }, (_, index) => `t${index}`);

  test('FLT-21: objects are written at a pace, few at once', async () => {
    for (const name of many) api.put('tenants', standing(name));
    writer.wish(wishes(...many.map((name) => wish(name))));
    await pass((500 * paceMs) / 2, paceMs / 2);
    expect(api.asked.writes).toBeGreaterThan(200);
    expect(api.asked.writes).toBeLessThan(300);
    await pass((500 * paceMs) / 2 + 1_000, paceMs / 2);
    expect(api.asked.writes).toBe(500);
    expect(api.asked.atOnceMax).toBeLessThanOrEqual(together);
  });

  test('what somebody waits for goes before a crowd', async () => {
    for (const name of many) api.put('tenants', standing(name));
    const crowd = many.map((name) => wish(name));
    writer.wish(wishes(...crowd));
    await pass(100, paceMs / 2);
    const edited = wish('t499', 'new', 'False', 'staging');
    api.put('tenants', standing('t499', 'staging', 2));
    writer.wish(wishes(...crowd.slice(0, 499), edited));
    await pass(100, paceMs / 2);
    expect(conditionOf('t499')).toMatchObject({ message: 'new' });
    expect(api.asked.writes).toBeLessThan(30);
  });

  test('FLT-20: a storm of conflicts is met with ever longer waits, and ends in the newest wish', async () => {
    api.put('tenants', standing('a'));
    api.spoil = (verb) => (verb === 'replace' ? { kind: 'conflict', message: 'another version' } : undefined);
    const first = wish('a');
    writer.wish(wishes(first));
    await pass(120_000, 50);
    expect(api.asked.writes).toBeLessThan(15);
    writer.wish(wishes({ ...first, conditions: wish('a', 'the newest', 'False').conditions }));
    api.spoil = () => undefined;
    await pass(100);
    expect(conditionOf('a')).toMatchObject({ message: 'the newest' });
  });

  test('FLT-17: while the API server is down for ten minutes one object asks, and then all are written, newest wins', async () => {
    for (const name of many.slice(0, 100)) api.put('tenants', standing(name));
    const firsts = many.slice(0, 100).map((name) => wish(name));
    api.spoil = () => unanswered;
    writer.wish(wishes(...firsts));
    await pass(300_000, 100);
    writer.wish(wishes(...firsts.map((each) => ({ ...each, conditions: wish('x', 'newest', 'False').conditions }))));
    await pass(300_000, 100);
    expect(api.asked.reads).toBeLessThan(60);
    expect(events).toEqual([{ kind: 'unanswered', message: 'no answer' }]);
    api.spoil = () => undefined;
    await pass(40_000, 10);
    expect(many.slice(0, 100).map((name) => conditionOf(name)?.['message'])).toEqual(Array(100).fill('newest'));
    expect(api.asked.writes).toBe(100);
  });

  test('FLT-20: what the API server asks for is waited', async () => {
    api.put('tenants', standing('a'));
    api.spoil = () => ({ ...unanswered, kind: 'unanswered', message: '429', retryAfterMs: 20_000 });
    writer.wish(wishes(wish('a')));
    await pass(19_000, 100);
    expect(api.asked.reads).toBe(1);
    api.spoil = () => undefined;
    await pass(2_000, 100);
    expect(api.asked.writes).toBe(1);
  });

  test('rights lost midway are told once, asked for by one object at a time, and used again when they are back', async () => {
    for (const name of many.slice(0, 50)) api.put('tenants', standing(name));
    api.spoil = (verb) => (verb === 'replace' ? { kind: 'refused', status: 403, message: 'forbidden' } : undefined);
    writer.wish(wishes(...many.slice(0, 50).map((name) => wish(name))));
    await pass(120_000, 100);
    expect(api.asked.writes).toBeLessThan(20);
    expect(events.map(({ kind }) => kind)).toEqual(['unanswered']);
    api.spoil = () => undefined;
    await pass(60_000, 100);
    expect(many.slice(0, 50).every((name) => conditionOf(name) !== undefined)).toBe(true);
  });
});

test('a wish that comes while the last one is being written is not lost', async () => {
  api.put('tenants', standing('a'));
  const first = wish('a');
  const second = { ...first, conditions: wish('a', 'second', 'False').conditions };
  api.before = () => {
    if (api.asked.writes === 1) writer.wish(wishes(second));
    return Promise.resolve();
  };
  writer.wish(wishes(first));
  await pass(1_000);
  expect(conditionOf('a')).toMatchObject({ message: 'second' });
});

test('a route that becomes another controller’s loses what we said of it, and nothing else', async () => {
  const text = (kind: string) =>
    `{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r, namespace: shop }, spec: { parentRefs: [{ group: "", kind: ${kind}, name: api }], rules: [{ backendRefs: [{ name: api, port: 80 }] }] } }`;
  const raw = (kind: string) => ({ ...(parse(text(kind)) as KubeObject) });
  const [object] = parseDocument(text('Service'), 'r.yaml').objects;
  if (object === undefined) throw new Error('no route');
  const edge = { controllerName: 'example.com/edge', parentRef: { name: 'api' }, conditions: [] };
  api.put('httproutes', { ...raw('Service'), status: { parents: [edge] } });
  const parents = () => {
    const status = api.objects.get('httproutes/shop/r')?.['status'];
    return (status as { parents: { controllerName: string }[] }).parents.map(({ controllerName }) => controllerName);
  };
  writer.wish(wishes({ object, problems: [], conditions: [] }));
  await pass(100);
  expect(parents()).toEqual(['example.com/edge', 'coffre.dev/mesh']);
  api.put('httproutes', { ...raw('Gateway'), status: api.objects.get('httproutes/shop/r')?.['status'] });
  writer.wish(wishes());
  await pass(100);
  expect(parents()).toEqual(['example.com/edge']);
  const { reads } = api.asked;
  writer.wish(wishes());
  await pass(2 * reviewMs);
  expect(api.asked.reads).toBe(reads);
});

test('a clock that is set back by a day holds nothing up', async () => {
  for (const name of ['a', 'b']) api.put('tenants', standing(name));
  writer.wish(wishes(wish('a')));
  await pass(100);
  wallMs = -86_400_000;
  writer.wish(wishes(wish('a', 'not any more', 'False'), wish('b')));
  await pass(1_000);
  expect([conditionOf('a')?.['message'], conditionOf('b')?.['message']]).toEqual(['not any more', 'fine']);
});

test('after it is closed nothing is asked', async () => {
  api.put('tenants', standing('a'));
  writer.close();
  writer.wish(wishes(wish('a')));
  await pass(10_000);
  expect(api.asked.reads).toBe(0);
  expect(clock.armed).toBe(0);
});
