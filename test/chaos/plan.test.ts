/** Plans: who is struck and by which keys, who is left out and why, and everything that stands against a drill. */
import { describe, expect, test } from 'vitest';
import { type PlanInput, type PlanResult, planDrill } from '../../src/chaos/plan.ts';
import { choose, shareOf } from '../../src/chaos/scope.ts';
import { drillEdge } from '../../src/envoy/drill-edge.ts';
import { isDrillSetting } from '../../src/envoy/drill-keys.ts';
import { tenant } from '../fixtures/two-tenants.ts';
import { bothConsent, consent, drillMesh, type MeshWords, startMs } from './drill-world.ts';

function input(words: MeshWords = {}, more: Partial<PlanInput> = {}): PlanInput {
  const snapshot = drillMesh(words);
  const drill = snapshot.drills.get('atelier/trip');
  if (drill === undefined) throw new Error('the drill is not in force');
  const connected = new Map([...snapshot.workloads.keys()].map((key) => [key, { takesTtl: true }]));
  return { snapshot, drill, edge: drillEdge(snapshot, drill, startMs), connected, number: 1, nowMs: startMs, ...more };
}

function planned(words: MeshWords = {}, more: Partial<PlanInput> = {}) {
  const result = planDrill(input(words, more));
  if (result.kind !== 'planned') throw new Error(refusals(result));
  return result.plan;
}

function refusals(result: PlanResult): string {
  return result.kind === 'refused' ? result.refusals.map(({ message }) => message).join('\n') : '';
}

const webs = [1, 2, 3, 4].map((number) => `atelier/web-${number}`);
const apis = [1, 2, 3].map((number) => `atelier/api-${number}`);
/** A document that consents to nothing. */
const noConsent = tenant('third');
const edge = 'drill.in.8080.atelier/web';

describe('methods', () => {
  const methods: readonly (readonly [string, readonly string[], number, readonly (readonly [string, number])[]])[] = [
    ['openBreaker: {}', webs, 4, [['circuit_breakers.atelier/api/80.default.max_requests', 0]]],
    ['throttleBreaker: { limit: 5 }', webs, 4, [['circuit_breakers.atelier/api/80.default.max_requests', 5]]],
    [
      'abort: { status: 503, percent: 20 }',
      apis,
      3,
      [
        [`${edge}.abort_percent`, 20],
        [`${edge}.abort_status`, 503],
      ],
    ],
    [
      'delay: { duration: 2s, percent: 30 }',
      apis,
      3,
      [
        [`${edge}.delay_ms`, 2_000],
        [`${edge}.delay_percent`, 30],
      ],
    ],
    [
      'ejectEndpoint: { count: 1 }',
      apis,
      1,
      [
        [`${edge}.abort_percent`, 100],
        [`${edge}.abort_status`, 503],
      ],
    ],
  ];

  test.each(methods)('%s strikes where it acts, with exactly its keys', (method, where, count, keys) => {
    const { view } = planned({ method, percent: 100 });
    expect(view.touches).toHaveLength(count);
    for (const { proxy, keys: laid } of view.touches) {
      expect(where).toContain(proxy);
      expect(laid.map(({ key, value }) => [key, value])).toEqual(keys);
      expect(laid.every(({ key, value }) => isDrillSetting(key, value))).toBe(true);
    }
  });

  test('what outlier detection may eject, and when panic begins, is told', () => {
    expect(planned({ method: 'ejectEndpoint: { count: 1 }' }).view.notes).toEqual(
      expect.arrayContaining([
        'of 3 endpoints outlier detection may eject 1 (50 %); 5 failures in a row eject one for 30 s',
        '1 ejections leave 2 of 3: no panic, which begins below 50 %',
      ]),
    );
    expect(planned({ method: 'ejectEndpoint: { count: 3 }' }).view.notes).toContain('2 that fail stay in');
  });

  test.each([
    ['half of the radius is spared', {}, []],
    ['others than the radius are spared', { percent: 100 }, [expect.stringContaining('`works` there is a value only')]],
    [
      'nobody is spared',
      { percent: 100, callers: '[{ tenant: atelier }]' },
      [expect.stringContaining('`works` there will be no value')],
    ],
  ])('of a probe of the control group is told whether it can answer: %s', (_, words, notes) => {
    const told = planned(words).view.notes;
    expect(told.filter((note) => note.includes('`works`'))).toEqual(notes);
  });

  test('more endpoints than there are cannot be ejected', () => {
    expect(refusals(planDrill(input({ method: 'ejectEndpoint: { count: 4 }' })))).toContain(
      '4 endpoints are to be ejected',
    );
  });
});

describe('the radius', () => {
  test.each([
    [4, 1, 1],
    [4, 25, 1],
    [4, 26, 2],
    [4, 100, 4],
    [1, 1, 1],
    [0, 50, 0],
    [1_000, 0.1, 1],
  ])('of %d callers %d percent are %d', (total, percent, count) => {
    expect(shareOf(total, percent)).toBe(count);
  });

  test('a larger share keeps those of a smaller one, and two plans choose alike', () => {
    const names = Array.from({ length: 50 }, (_, index) => `a/p${index}`);
    for (let count = 1; count < 50; count += 1) {
      expect(choose(names, count + 1, 'a/drill')).toEqual(expect.arrayContaining([...choose(names, count, 'a/drill')]));
      expect(choose([...names].reverse(), count, 'a/drill')).toEqual(choose(names, count, 'a/drill'));
    }
  });

  test('the others are the control group, and the rounding is told', () => {
    const { view, experiment } = planned({ percent: 26 });
    expect(experiment).toHaveLength(2);
    expect([...experiment, ...view.control].sort()).toEqual([...apis, ...webs]);
    expect(view.notes).toContain('26 % of 4 proxies of callers is 2, rounded up');
  });

  test('at the destination identities are chosen, and their callers feel it', () => {
    expect(planned({ method: 'abort: { status: 503, percent: 20 }', percent: 10 })).toMatchObject({
      experiment: webs,
      clusters: ['atelier/api/80'],
    });
  });
});

describe('who tells of single requests', () => {
  const measuring = (metric: string): MeshWords => ({
    probes: `{ name: works, source: { traffic: { metric: ${metric} } }, tolerance: { atMost: 1 } }`,
  });
  const callers = [...apis, ...webs];
  const { snapshot, drill } = input();
  const tcp = { ...drillEdge(snapshot, drill, startMs), protocol: 'tcp' as const };

  test.each([
    ['HTTP', 'successRate', {}, []],
    ['HTTP', 'overflows', {}, []],
    ['HTTP', 'p95', {}, callers],
    // Load reports say nothing of what becomes of a connection.
    ['TCP', 'successRate', { edge: tcp }, callers],
    ['TCP', 'errorRate', { edge: tcp }, callers],
    ['TCP', 'overflows', { edge: tcp }, callers],
    ['TCP', 'requestsPerSecond', { edge: tcp }, []],
  ])('on %s for %s', (_protocol, metric, more, tellers) => {
    expect((planned(measuring(metric), more).view.watches ?? []).map(({ proxy }) => proxy)).toEqual(tellers);
  });
});

describe('who is left out', () => {
  const without = (key: string, takesTtl: boolean | undefined) => {
    const connected = new Map([...webs, ...apis].map((each) => [each, { takesTtl: true }]));
    if (takesTtl === undefined) connected.delete(key);
    else connected.set(key, { takesTtl });
    return connected;
  };

  test.each([
    [false, 'does not take resources with a TTL, so a fault could not end by itself'],
    [undefined, 'is not connected'],
  ])('a proxy that takes a TTL: %s is named and not touched', (takesTtl, why) => {
    const { view, experiment } = planned({ percent: 100 }, { connected: without('atelier/web-2', takesTtl) });
    expect(view.excluded).toEqual([{ proxy: 'atelier/web-2', why }]);
    expect([...view.touches.map(({ proxy }) => proxy), ...experiment, ...view.control]).not.toContain('atelier/web-2');
  });

  test('with nobody left there is no plan', () => {
    expect(refusals(planDrill(input({}, { connected: new Map() })))).toContain('no proxy can take the fault');
  });
});

describe('the hash', () => {
  const first = planned().view.hash;

  test('is the same for the same plan', () => {
    expect(planned().view.hash).toBe(first);
  });

  const changes: readonly (readonly [string, () => string])[] = [
    ['another run of it', () => planned({}, { number: 2 }).view.hash],
    ['a drill that changed elsewhere', () => planned({ duration: '59s' }).view.hash],
    ['other proxies', () => planned({ percent: 75 }).view.hash],
    ['other values', () => planned({ method: 'throttleBreaker: { limit: 5 }' }).view.hash],
  ];

  test.each(changes)('%s has another', (_, hash) => {
    expect(hash()).not.toBe(first);
  });
});

describe('consent and house rules', () => {
  const [target = '', caller = ''] = bothConsent.split('\n---\n');
  const bounds = 'methods: [openBreaker], maxDuration: 10m, maxPercent: 100';
  const asTarget = (limits: string) =>
    consent('c', `asTarget: { services: [api], callerTenants: [atelier], ${limits} }`);
  const timed = (when: string) => `${target.replace('spec: { ', `spec: { ${when}, `)}\n---\n${caller}`;

  const refused: readonly (readonly [string, MeshWords, string])[] = [
    ['no consent at all', { consents: noConsent }, 'has consented to nothing'],
    ['the target alone', { consents: target }, 'whose callers feel it, has not consented'],
    ['the caller alone', { consents: caller }, 'whose service it strikes, has not consented'],
    [
      'another method',
      { consents: `${asTarget(bounds)}\n---\n${caller}`, method: 'delay: { duration: 1s, percent: 5 }' },
      'does not allow `delay`',
    ],
    ['too long', { consents: `${asTarget(bounds.replace('10m', '30s'))}\n---\n${caller}` }, 'allows 30 s, not 60 s'],
    ['too wide', { consents: `${asTarget(bounds.replace('100', '40'))}\n---\n${caller}` }, 'allows 40 %, not 50 %'],
    [
      'another day',
      { consents: timed('windows: [{ days: [Tue], from: "00:00", to: "24:00" }]') },
      'allows it at other times',
    ],
    [
      'an hour too early',
      { consents: timed('windows: [{ days: [Mon], from: "12:01", to: "24:00" }]') },
      'allows it at other times',
    ],
    [
      'the very end of the hours',
      { consents: timed('windows: [{ days: [Mon], from: "11:00", to: "12:00" }]') },
      'allows it at other times',
    ],
    ['after its end', { consents: timed('notAfter: 2026-11-23T12:00:00Z') }, 'has ended'],
    ['longer than the mesh allows', { house: 'maxDuration: 10s' }, 'lasts 60 s and the mesh allows 10 s'],
    ['with the lever pulled', { house: 'halted: true' }, 'the lever is pulled'],
  ];

  test.each(refused)('%s: refused, with what stands against it', (_, words, reason) => {
    expect(refusals(planDrill(input(words)))).toContain(reason);
  });

  test.each([
    ['nothing', noConsent],
    ['another method, and shorter', bothConsent.replaceAll(/maxDuration: 10m/g, 'maxDuration: 1s')],
  ])('who consented to %s is told what to write, and that is enough', (_, consents) => {
    const words = { consents, percent: 75, duration: '90500ms', method: 'abort: { status: 500, percent: 10 }' };
    const result = planDrill(input(words));
    if (result.kind !== 'refused') throw new Error('it is planned already');
    const wanted = result.refusals.map(({ advice }) => /at least `(.+)`/.exec(advice)?.[1] ?? '');
    expect(wanted.map((spec) => spec.slice(0, 8))).toEqual(['asTarget', 'asCaller']);
    const written = [consents, ...wanted.map((spec, index) => consent(`w${index}`, spec))].join('\n---\n');
    expect(
      refusals(planDrill(input({ ...words, consents: written, house: 'secondPersonAbove: { percent: 100 }' }))),
    ).toBe('');
  });

  const allowed: readonly (readonly [string, MeshWords])[] = [
    ['both sides', {}],
    ['inside the hours', { consents: timed('windows: [{ days: [Mon], from: "12:00", to: "12:01" }]') }],
    ['just before the end', { consents: timed('notAfter: 2026-11-23T12:00:01Z') }],
    [
      'one of two consents',
      { consents: `${asTarget(bounds.replace('100', '1')).replace('name: c', 'name: b')}\n---\n${bothConsent}` },
    ],
  ];

  test.each(allowed)('%s: planned', (_, words) => {
    expect(refusals(planDrill(input(words)))).toBe('');
  });

  test('a tenant that is protected, though its drill and its consents are there, is not drilled', () => {
    const { snapshot, ...rest } = input();
    const drills = { ...snapshot.mesh.drills, protectedTenants: new Set(['atelier']) };
    const sealed = { ...snapshot, mesh: { ...snapshot.mesh, drills } };
    expect(refusals(planDrill({ ...rest, snapshot: sealed }))).toContain('`atelier` is never drilled');
  });

  test.each([
    [{ percent: 50 }, false],
    [{ percent: 51 }, true],
    [{ percent: 50, house: 'secondPersonAbove: { callers: 1 }' }, true],
    [{ percent: 100, house: 'secondPersonAbove: { percent: 100 }' }, false],
  ])('%o needs a second person: %s', (words, needed) => {
    expect(planned(words).view.needsSecondPerson).toBe(needed);
  });
});
