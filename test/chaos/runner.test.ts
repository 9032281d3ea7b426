/** The engine, among proxies that behave: from plan to end, and through everything that may come between. */
import { describe, expect, test } from 'vitest';
import type { Actor, TimelineWord } from '../../src/chaos/drill-engine.ts';
import { DrillRunner } from '../../src/chaos/runner.io.ts';
import { movedResources } from '../../src/controller/moved-resources.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import {
  ana,
  bob,
  bothConsent,
  DrillWorld,
  drillMesh,
  feltByNotaire,
  MemoryJournal,
  type MeshWords,
  owner,
  startMs,
  stranger,
} from './drill-world.ts';

const dayMs = 86_400_000;
const trip = 'atelier/trip';

async function planHash(world: DrillWorld): Promise<string> {
  const plan = await world.runner.plan(trip, ana);
  if (plan.kind !== 'ok') throw new Error(plan.message);
  return plan.value.hash;
}

describe('from plan to end', () => {
  test('a drill runs its course: two callers of four are struck, recover, and the hypothesis held', async () => {
    const world = new DrillWorld();
    await world.run();
    expect(world.view()).toMatchObject({ phase: 'running', verdict: 'pending', overflows: 7 });
    expect(world.struck()).toHaveLength(2);
    await world.pass(60_000);
    expect(world.struck()).toEqual([]);
    expect(world.view()).toMatchObject({ phase: 'recovering', reason: 'the deadline was reached; 2 confirmed' });
    await world.pass(6_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'held' });
    expect(world.view().timeline.map(({ what }) => what)).toEqual([
      'planned',
      'started',
      'fault-laid',
      'proxy-effective',
      'proxy-effective',
      'deadline',
      'fault-withdrawn',
      'proxy-clean',
      'proxy-clean',
      'steady',
      'ended',
    ]);
  });

  test('proxies are asked to report as soon as a phase begins, whenever its probes look', async () => {
    const probes =
      '{ name: works, source: { traffic: { metric: successRate } }, tolerance: { atLeast: 0.99 }, phases: [after] }';
    const world = new DrillWorld({ probes, abortOn: '[{ alert: ShopDown }]' });
    await world.run();
    await world.pass(70_000);
    const [before, during, after] = world.watched;
    if (before === undefined || during === undefined || after === undefined) throw new Error('three phases');
    expect(before).toMatchObject({ drill: trip, clusters: ['atelier/api/80'], sinceMs: startMs });
    expect(during.sinceMs).toBe(world.view().faultAtMs);
    expect(after.sinceMs).toBeGreaterThanOrEqual(during.sinceMs + 60_000);
    expect(world.watched).toHaveLength(3);
  });

  test('each phase is measured by itself, and only where it was reached', async () => {
    const world = new DrillWorld();
    await world.run();
    await world.pass(80_000);
    const measured = world.view().measured;
    expect(measured.map(({ phase }) => phase)).toEqual(['before', 'during', 'after']);
    expect(measured.every(({ answers, breaches }) => answers > 5 && breaches === 0)).toBe(true);
  });

  test('a probe is shown as it stands while the steady state is observed before the fault', async () => {
    const world = new DrillWorld();
    await world.runner.start(trip, await planHash(world), ana);
    expect(world.view().probes).toEqual([{ name: 'works', value: undefined, state: 'waiting' }]);
    await world.pass(1_000);
    expect(world.view()).toMatchObject({ faultAtMs: 0, probes: [{ name: 'works', value: 1, state: 'within' }] });
    world.answer = () => 0.5;
    await world.pass(1_000);
    expect(world.view()).toMatchObject({ faultAtMs: 0, probes: [{ name: 'works', value: 0.5, state: 'breach' }] });
  });

  test('what breakers turned away is known when it is over, told late or not, and after a restart', async () => {
    const world = new DrillWorld();
    await world.run();
    world.overflows = 11;
    await world.pass(60_000);
    expect(world.view()).toMatchObject({ phase: 'recovering', overflows: 11 });
    world.overflows = 12;
    await world.pass(6_000);
    world.overflows = undefined;
    expect(world.view()).toMatchObject({ phase: 'completed', overflows: 12 });
    world.restart();
    expect(world.view()).toMatchObject({ phase: 'completed', overflows: 12 });
  });

  test('what breakers turned away is known of a drill without a probe of that phase, and one cut short', async () => {
    const probes =
      '{ name: works, source: { traffic: { metric: successRate } }, tolerance: { atLeast: 0.99 }, phases: [after] }';
    const world = new DrillWorld({ probes, abortOn: '[{ alert: ShopDown }]' });
    await world.run();
    await world.runner.haltAll(owner, 'enough');
    await world.pass(1_000);
    await world.runner.haltAll(owner, 'really');
    world.overflows = undefined;
    expect(world.view()).toMatchObject({ phase: 'aborted', overflows: 7 });
  });

  test('nothing is left when it is over: no timer, no layer', async () => {
    const world = new DrillWorld();
    const idle = world.clock.armed;
    await world.run();
    await world.pass(90_000);
    expect(world.clock.armed).toBe(idle);
  });

  test('all proxies are struck in one turn, and lifted in one turn', async () => {
    const world = new DrillWorld({ percent: 100, house: 'secondPersonAbove: { percent: 100 }' });
    await world.run();
    await world.runner.halt(trip, ana, 'enough');
    const [laid, lifted] = (['lay', 'lift'] as const).map((kind) => world.sent.filter((each) => each.kind === kind));
    expect(laid).toHaveLength(4);
    expect(new Set(laid?.map(({ atMs }) => atMs)).size).toBe(1);
    expect(lifted).toHaveLength(4);
    expect(new Set(lifted?.map(({ atMs }) => atMs)).size).toBe(1);
  });

  test('from a breach until every proxy was seen clean less than a second passes', async () => {
    const world = new DrillWorld({ percent: 100, house: 'secondPersonAbove: { percent: 100 }' });
    await world.run();
    world.answer = () => 0.2;
    await world.pass(500 + 1_000);
    const { timeline } = world.view();
    const at = (what: string) => timeline.filter((entry) => entry.what === what).map(({ atMs }) => atMs);
    expect(Math.max(...at('proxy-clean')) - Math.min(...at('probe-breach'))).toBeLessThan(1_000);
    expect(at('proxy-clean')).toHaveLength(4);
  });

  test('a steady state that does not hold before is refused, and no proxy is touched', async () => {
    const world = new DrillWorld();
    world.answer = () => 0.5;
    await world.run();
    expect(world.view()).toMatchObject({
      phase: 'failed',
      reason: 'steady state does not hold before the fault: `works` (0.5)',
    });
    expect(world.sent).toEqual([]);
  });

  test('a probe that gives no answer before the fault is said to be silent', async () => {
    const world = new DrillWorld();
    world.answer = () => undefined;
    await world.run();
    expect(world.view()).toMatchObject({
      phase: 'failed',
      reason: 'steady state does not hold before the fault: `works` (silent: it gave no answer)',
    });
  });

  test('percentiles need single requests: callers tell of them before and after, and none is left telling', async () => {
    const probes = '{ name: works, source: { traffic: { metric: p95 } }, tolerance: { atMost: 250 } }';
    const world = new DrillWorld({ probes });
    await world.run();
    expect(world.struck()).toEqual([...world.proxies.keys()]);
    await world.pass(90_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'held' });
    expect(world.struck()).toEqual([]);
  });
});

describe('who may', () => {
  test('another tenant is told that there is no such drill, whatever it asks', async () => {
    const world = new DrillWorld();
    const hash = await planHash(world);
    const answers = [
      await world.runner.plan(trip, stranger),
      await world.runner.approve(trip, hash, stranger),
      await world.runner.start(trip, hash, stranger),
      await world.runner.halt(trip, stranger, ''),
      world.runner.show(trip, stranger),
    ];
    expect(answers.map(({ kind }) => kind)).toEqual(Array(5).fill('not-found'));
    expect(world.runner.list(stranger)).toEqual([]);
    await world.run();
    await world.runner.haltAll(stranger, '');
    world.runner.alert({ name: 'ShopDown', state: 'firing', labels: {}, tenant: 'notaire' });
    expect(world.view().phase).toBe('running');
  });

  test('who may only look may halt, and start nothing', async () => {
    const world = new DrillWorld();
    const watcher = { ...bob, mayStrike: false };
    expect((await world.runner.plan(trip, watcher)).kind).toBe('refused');
    await world.run();
    expect((await world.runner.halt(trip, watcher, 'too hot')).kind).toBe('ok');
    expect(world.view()).toMatchObject({ phase: 'aborting', haltedBy: 'bob' });
  });

  describe('who feels the drill of another tenant', () => {
    const operator: Actor = { ...stranger, mayStrike: false };

    test('learns of it when it has started, and nothing but what concerns itself', async () => {
      const world = new DrillWorld(feltByNotaire);
      expect(world.runner.list(stranger)).toEqual([]);
      expect((await world.runner.plan(trip, stranger)).kind).toBe('not-found');
      await world.run();
      const shown = world.runner.show(trip, operator);
      expect(shown).toMatchObject({
        kind: 'ok',
        value: {
          ...{ drill: trip, tenant: 'atelier', boundedTo: 'notaire', phase: 'running' },
          hypothesis: 'the shop goes on without its API',
          proxies: [{ proxy: 'notaire/web-1', state: 'effective' }],
          plan: { touches: [{ proxy: 'notaire/web-1' }] },
        },
      });
      expect(world.runner.list(operator)).toMatchObject([{ drill: trip, proxies: [{ proxy: 'notaire/web-1' }] }]);
      await world.runner.halt(trip, ana, 'a secret of the house');
      await world.pass(9_000);
      const told = JSON.stringify([world.runner.show(trip, operator), world.runner.list(operator)]);
      expect(told).toContain('"phase":"aborted"');
      for (const foreign of ['atelier/web-', 'ana', 'secret', '"works"', 'ShopDown', 'drill.yaml', 'successRate']) {
        expect(told).not.toContain(foreign);
      }
      expect(JSON.stringify(world.view())).toContain('a secret of the house');
    });

    test.each(['halt', 'haltAll'] as const)('ends it for everybody with %s', async (how) => {
      const world = new DrillWorld(feltByNotaire);
      await world.run();
      expect(world.struck()).toHaveLength(5);
      const halted = how === 'halt' ? world.runner.halt(trip, operator, '') : world.runner.haltAll(operator, '');
      const view = { phase: 'aborting', boundedTo: 'notaire' };
      expect(await halted).toMatchObject({ kind: 'ok', value: how === 'halt' ? view : [view] });
      await world.pass(1_000);
      expect(world.struck()).toEqual([]);
      expect(world.view()).toMatchObject({ haltedBy: 'eve' });
    });

    test('is told no more of one that is over, when it halts it once more', async () => {
      const world = new DrillWorld(feltByNotaire);
      await world.run();
      await world.runner.halt(trip, ana, 'a secret of the house');
      await world.pass(9_000);
      expect(await world.runner.halt(trip, operator, '')).toMatchObject({
        kind: 'conflict',
        message: '`atelier/trip` is over: aborted, it was ended early',
      });
    });

    test('may neither plan, approve nor start the next', async () => {
      const world = new DrillWorld(feltByNotaire);
      await world.run();
      await world.pass(80_000);
      const hash = await planHash(world);
      const answers = [
        await world.runner.plan(trip, stranger),
        await world.runner.approve(trip, hash, stranger),
        await world.runner.start(trip, hash, stranger),
      ];
      expect(answers.map(({ kind }) => kind)).toEqual(Array(3).fill('not-found'));
    });
  });

  test('above the radius a second person approves, another than who starts', async () => {
    const world = new DrillWorld({ percent: 100 });
    const hash = await planHash(world);
    expect(await world.runner.start(trip, hash, ana)).toMatchObject({ kind: 'refused' });
    expect(await world.runner.approve(trip, hash, ana)).toMatchObject({ kind: 'ok', value: { phase: 'approved' } });
    expect(await world.runner.start(trip, hash, ana)).toMatchObject({ kind: 'refused' });
    expect(await world.runner.start(trip, hash, bob)).toMatchObject({ kind: 'ok', value: { approvedBy: 'ana' } });
  });

  test('an approval outlives a restart, and not a day', async () => {
    const world = new DrillWorld({ percent: 100 });
    const hash = await planHash(world);
    await world.runner.approve(trip, hash, ana);
    world.kill();
    world.restart();
    world.clock.leap(dayMs);
    expect(await world.runner.start(trip, hash, bob)).toMatchObject({ kind: 'refused' });
    world.clock.leap(-dayMs);
    expect(await world.runner.start(trip, hash, bob)).toMatchObject({ kind: 'ok' });
  });
});

describe('races', () => {
  test('of two starts of one plan one wins', async () => {
    const world = new DrillWorld();
    const hash = await planHash(world);
    const answers = await Promise.all([world.runner.start(trip, hash, ana), world.runner.start(trip, hash, bob)]);
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['conflict', 'ok']);
  });

  test('a start that is sent again after the run starts nothing', async () => {
    const world = new DrillWorld();
    const hash = await planHash(world);
    await world.runner.start(trip, hash, ana);
    await world.pass(100_000);
    expect(world.view().phase).toBe('completed');
    expect(await world.runner.start(trip, hash, ana)).toMatchObject({ kind: 'conflict' });
    world.restart();
    expect(await world.runner.start(trip, hash, ana)).toMatchObject({ kind: 'conflict' });
  });

  test('a drill that changed since it was planned is not the one that is started', async () => {
    const world = new DrillWorld();
    const hash = await planHash(world);
    world.mesh({ duration: '50s' });
    expect(await world.runner.start(trip, hash, ana)).toMatchObject({ kind: 'conflict' });
  });

  test('while a drill runs, another of the same edge is refused', async () => {
    const world = new DrillWorld({ services: `${drillText2}` });
    await world.run();
    const plan = await world.runner.plan('atelier/slow', ana);
    if (plan.kind !== 'ok') throw new Error(plan.message);
    const second = await world.runner.start('atelier/slow', plan.value.hash, ana);
    expect(second).toMatchObject({ kind: 'refused', message: expect.stringContaining('strikes the same edge') });
  });

  test('whoever hangs while another takes the journal over writes nothing more, and lifts what it laid', async () => {
    const journal = new MemoryJournal();
    const world = new DrillWorld({}, journal);
    await world.run();
    const other = new DrillRunner(world.ports({ journal: journal.takenOver() }));
    await world.pass(2_000);
    expect(world.struck()).toEqual([]);
    expect(world.view()).toMatchObject({ reason: expect.stringContaining('another control plane') });
    expect(await world.runner.start(trip, 'any', ana)).toMatchObject({ kind: 'store' });
    const shown = other.show(trip, owner);
    expect(shown).toMatchObject({ kind: 'ok', value: { reason: expect.stringContaining('restarted') } });
  });
});

const drillText2 = `
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: slow, namespace: atelier }
spec:
  hypothesis: nobody waits
  target: { service: api, port: 80 }
  method: { throttleBreaker: { limit: 5 } }
  blastRadius: { callers: [{ tenant: atelier, serviceAccounts: [web] }], percent: 25 }
  steadyState: [{ name: p, source: { traffic: { metric: successRate } }, tolerance: { atLeast: 0.9 } }]
  abortOn: [{ probe: p }]
  duration: 1m
`;

describe('what callers told of the edge', () => {
  const told = [{ proxy: 'atelier/web-1', seen: 40, failed: 30, standsFor: 1 }] as const;

  test('is written down as the fault ends, with whose proxies felt it, and is there after a restart', async () => {
    const world = new DrillWorld();
    await world.run();
    world.traffic = told;
    await world.runner.halt(trip, ana, '');
    world.traffic = [];
    await world.pass(20_000);
    world.restart();
    const { traffic, callers, plan } = world.view();
    expect(traffic).toEqual(told);
    const struck = plan.touches.map(({ proxy }) => proxy);
    expect(callers.find(({ account }) => account === 'atelier/web')).toEqual({
      account: 'atelier/web',
      struck,
      spared: ['atelier/web-1', 'atelier/web-2', 'atelier/web-3', 'atelier/web-4'].filter(
        (key) => !struck.includes(key),
      ),
    });
  });

  test('of a drill that never laid its fault is nothing', async () => {
    const world = new DrillWorld();
    world.traffic = told;
    world.answer = () => 0;
    await world.run();
    await world.pass(20_000);
    expect(world.view()).toMatchObject({ faultAtMs: 0, traffic: [] });
  });
});

describe('a report', () => {
  async function ended(words?: MeshWords) {
    const world = new DrillWorld(words);
    await world.run();
    await world.runner.halt(trip, ana, 'enough');
    await world.pass(20_000);
    world.happenings = {
      isCut: false,
      each: [{ kind: 'occurrence', atMs: startMs + 6_000, what: 'publication', about: 'r7', words: '' }],
    };
    return world;
  }

  test('asks for what happened from its start to its end, on its edge, and is signed to the byte', async () => {
    const world = await ended();
    const report = await world.runner.report(trip, owner, 'markdown', 'en');
    const { startedAtMs, endedAtMs } = world.view();
    expect(world.wanted).toEqual([
      {
        fromMs: startedAtMs,
        untilMs: endedAtMs + 1,
        tenants: ['atelier'],
        ofMesh: true,
        clusters: new Set(['atelier/api/80']),
        endpoints: new Set(['atelier/api-1', 'atelier/api-2', 'atelier/api-3']),
        accounts: expect.any(Map),
      },
    ]);
    expect(world.wanted[0]?.accounts.get('atelier/web-2')).toBe('atelier/web');
    if (report.kind !== 'ok') throw new Error(report.message);
    const { text, signature, phase } = report.value;
    expect(text).toContain('a new revision is in force');
    expect(text).toContain('`here:7:cafe`');
    expect(signature).toBe(`signed ${Buffer.byteLength(text)} bytes`);
    expect(phase).toBe('aborted');
  });

  test('of one tenant is of its own events, also where the drill is another’s', async () => {
    const world = await ended(feltByNotaire);
    await world.runner.report(trip, owner, 'json', 'en');
    await world.runner.report(trip, ana, 'json', 'en');
    const felt = await world.runner.report(trip, { ...stranger, tenant: 'notaire' }, 'markdown', 'en');
    expect(world.wanted.map(({ tenants, ofMesh }) => [...tenants, ofMesh])).toEqual([
      ['atelier', 'notaire', true],
      ['atelier', false],
      ['notaire', false],
    ]);
    expect(felt.kind === 'ok' && felt.value.text).toContain('this is what `notaire`, which felt it, may see');
    expect(felt.kind === 'ok' && felt.value.text).not.toContain('`ana`');
  });

  test('for whom the drill is not there is not there either, and nothing is asked', async () => {
    const world = await ended();
    expect(await world.runner.report(trip, stranger, 'html', 'fr')).toMatchObject({ kind: 'not-found' });
    expect(world.wanted).toEqual([]);
  });

  test('is given without evidence too, and says so', async () => {
    const world = await ended();
    world.evidence.happenings = () => Promise.reject(new Error('the store is closed'));
    const report = await world.runner.report(trip, owner, 'markdown', 'en');
    expect(report.kind === 'ok' && report.value.text).toContain('more was recorded at that time than was read');
  });
});

describe('what ends a fault', () => {
  test('a breach: the fault is gone and the run says so', async () => {
    const world = new DrillWorld();
    await world.run();
    world.answer = () => 0.2;
    await world.pass(1_000);
    expect(world.struck()).toEqual([]);
    world.answer = () => 1;
    await world.pass(10_000);
    expect(world.view()).toMatchObject({ phase: 'aborted', verdict: 'deviated' });
  });

  const silences: readonly (readonly [string, () => number | undefined])[] = [
    ['without a value', () => undefined],
    ['with something that is no number', () => Number.NaN],
    [
      'with an error',
      () => {
        throw new Error('refused');
      },
    ],
  ];

  test.each(silences)('probes that answer %s', async (_, answer) => {
    const world = new DrillWorld();
    await world.run();
    world.answer = answer;
    await world.pass(3_500);
    expect(world.struck()).toEqual([]);
    expect(world.view().reason).toContain('the probe `works` is silent');
  });

  test('a probe whose read never ends', async () => {
    const world = new DrillWorld();
    let hangs = false;
    const hang = new Promise<undefined>(() => undefined);
    world.runner = new DrillRunner(
      world.ports({
        probes: { read: async () => (hangs ? hang : 1), watch: () => undefined, overflows: () => 0, traffic: () => [] },
      }),
    );
    await world.run();
    hangs = true;
    await world.pass(3_500);
    expect(world.view().reason).toContain('is silent');
    expect(world.struck()).toEqual([]);
  });

  test('an alert that it names, with the time that it took', async () => {
    const world = new DrillWorld();
    await world.run();
    world.runner.alert({ name: 'Other', state: 'firing', labels: {} });
    world.runner.alert({ name: 'ShopDown', state: 'resolved', labels: {} });
    expect(world.view().phase).toBe('running');
    world.runner.alert({ name: 'ShopDown', state: 'firing', labels: {} });
    await world.pass(1_000);
    expect(world.struck()).toEqual([]);
    const told = world.view().timeline.filter(({ what }) => what === 'alert');
    expect(told.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^`Other` fires, \d+ ms after the fault$/),
      expect.stringMatching(/^`ShopDown` fires, \d+ ms after the fault$/),
    ]);
  });

  const withdrawn: readonly (readonly [string, Parameters<DrillWorld['mesh']>[0], TimelineWord, string])[] = [
    [
      'consent that is withdrawn',
      { consents: bothConsent.split('---').slice(0, 1).join('') },
      'consent-withdrawn',
      'whose callers feel it, has not consented',
    ],
    ['the lever in `Mesh`', { house: 'halted: true' }, 'lever', 'the lever is pulled'],
    ['a drill that was changed', { duration: '50s' }, 'consent-withdrawn', 'the drill was changed'],
  ];

  test.each(withdrawn)('%s, in the turn in which the mesh says so', async (_, words, what, reason) => {
    const world = new DrillWorld();
    await world.run();
    world.mesh(words);
    expect(world.view()).toMatchObject({ phase: 'aborting', reason: expect.stringContaining(reason) });
    expect(world.view().timeline.find(({ atMs }) => atMs === world.clock.nowMs())?.what).toBe(what);
    await world.pass(1_000);
    expect(world.struck()).toEqual([]);
  });

  test('the end of the hours in which it is allowed', async () => {
    const hours = bothConsent.replaceAll(
      'spec: { ',
      'spec: { windows: [{ days: [Mon], from: "11:00", to: "12:01" }], ',
    );
    const world = new DrillWorld({ consents: hours, duration: '120s' });
    await world.run();
    expect(world.struck()).not.toEqual([]);
    await world.pass(56_000);
    expect(world.view().reason).toContain('allows it at other times');
    expect(world.struck()).toEqual([]);
  });

  test('the safety lever: every drill ends, none begins, over a restart too, until it is released', async () => {
    const world = new DrillWorld();
    await world.run();
    expect(await world.runner.haltAll(owner, 'incident')).toMatchObject({ kind: 'ok', value: [{ phase: 'aborting' }] });
    await world.pass(20_000);
    world.restart();
    expect(await world.runner.start(trip, await planHash(world), ana)).toMatchObject({
      kind: 'refused',
      message: 'the lever was pulled by `owner`: incident',
    });
    expect(await world.runner.release(ana)).toMatchObject({ kind: 'refused' });
    expect(await world.runner.release(owner)).toMatchObject({ kind: 'ok' });
    expect(await world.runner.start(trip, await planHash(world), ana)).toMatchObject({ kind: 'ok' });
  });

  test('a tenant that halts all its drills pulls no lever', async () => {
    const world = new DrillWorld();
    await world.run();
    await world.runner.haltAll(ana, '');
    await world.pass(20_000);
    expect(world.view().phase).toBe('aborted');
    expect(await world.runner.start(trip, await planHash(world), ana)).toMatchObject({ kind: 'ok' });
  });
});

describe('proxies that do not behave', () => {
  test('one that is out of reach afterwards is awaited until its layer has died, and told apart', async () => {
    const world = new DrillWorld();
    await world.run();
    const [lost = ''] = world.struck();
    world.proxy(lost).connected = false;
    world.proxy(lost).reachable = false;
    await world.runner.halt(trip, ana, '');
    await world.pass(1_000);
    expect(world.view()).toMatchObject({
      phase: 'aborting',
      reason: expect.stringContaining('1 confirmed, 1 awaited'),
    });
    await world.pass(9_900);
    expect(world.view().phase).toBe('aborting');
    expect(world.struck()).toEqual([]);
    await world.pass(3_000);
    expect(world.view()).toMatchObject({
      phase: 'recovering',
      reason: expect.stringContaining('1 confirmed, 1 by expiry'),
    });
  });

  test('one that keeps the fault past its TTL is never called clean', async () => {
    const world = new DrillWorld();
    await world.run();
    const [stuck = ''] = world.struck();
    const { layer } = world.proxy(stuck);
    Object.defineProperty(world.proxy(stuck), 'runtimeAt', { value: () => layer });
    await world.runner.halt(trip, ana, '');
    await world.pass(120_000);
    expect(world.view()).toMatchObject({
      phase: 'aborting',
      reason: expect.stringContaining('1 confirmed, 1 awaited'),
    });
  });

  test('one that sends a NACK is left out and named, and the rest go on', async () => {
    const world = new DrillWorld();
    const plan = await world.runner.plan(trip, ana);
    const nacking = plan.kind === 'ok' ? (plan.value.touches[0]?.proxy ?? '') : '';
    world.proxy(nacking).nacks = true;
    await world.run();
    expect(world.view().proxies).toContainEqual({
      proxy: nacking,
      state: 'excluded',
      why: 'refused the layer: unknown key',
    });
    expect(world.struck()).toHaveLength(1);
  });

  test('one that cannot be looked at before is left out: its end could not be proven', async () => {
    const world = new DrillWorld();
    const plan = await world.runner.plan(trip, ana);
    const dark = plan.kind === 'ok' ? (plan.value.touches[0]?.proxy ?? '') : '';
    world.proxy(dark).reachable = false;
    await world.run();
    expect(world.view().proxies).toContainEqual(expect.objectContaining({ proxy: dark, state: 'excluded' }));
    expect(world.struck()).not.toContain(dark);
  });

  test('what the mesh removed while the drill ran, and what went with it, is no difference', async () => {
    const world = new DrillWorld();
    for (const proxy of world.proxies.values()) proxy.config.set('endpoints/atelier/api/80', 'digest-2');
    await world.run();
    const stream = { stream: 1, protocol: 'delta' } as const;
    for (const [key, proxy] of world.proxies) {
      proxy.config.clear();
      const answer = { nonce: '3', version: 'v', resources: new Map(), removed: ['atelier/api/80'] };
      const events: readonly XdsEvent[] = [
        { kind: 'unsubscribed', typeUrl: 'endpoints', names: ['atelier/api/80'], key, ...stream },
        { kind: 'acked', typeUrl: 'cluster', ...answer, key, ...stream },
      ];
      for (const event of events) world.runner.accepted(key, movedResources(event));
    }
    await world.pass(80_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'held' });
  });

  test('a configuration that differs afterwards fails the drill; what a push explains does not', async () => {
    for (const explained of [false, true]) {
      const world = new DrillWorld();
      await world.run();
      const [key = ''] = world.struck();
      world.proxy(key).config.set('cluster/atelier/api/80', 'digest-2');
      if (explained) world.runner.accepted(key, ['cluster/atelier/api/80']);
      await world.pass(80_000);
      expect(world.view().phase).toBe(explained ? 'completed' : 'failed');
    }
  });
});

describe('when the control plane fails', () => {
  test('killed in the middle: the fault dies by itself within a TTL, and the drill is not resumed', async () => {
    const world = new DrillWorld();
    await world.run();
    expect(world.struck()).toHaveLength(2);
    world.kill();
    await world.pass(10_000);
    expect(world.struck()).toEqual([]);
    world.restart();
    expect(world.view()).toMatchObject({
      phase: 'aborting',
      reason: expect.stringContaining('the control plane restarted'),
    });
    await world.pass(20_000);
    expect(world.view()).toMatchObject({ phase: 'aborted', verdict: 'unproven' });
    expect(world.sent.filter(({ kind }) => kind === 'lay')).toHaveLength(2);
  });

  test('killed while the fault lay: what was told of overflows is gone, and nothing told later stands for it', async () => {
    const world = new DrillWorld();
    await world.run();
    world.kill();
    world.restart();
    world.overflows = 0;
    await world.pass(1_000);
    expect(world.view()).toMatchObject({ phase: 'recovering', overflows: undefined });
    await world.pass(20_000);
    expect(world.view()).toMatchObject({ phase: 'aborted', overflows: undefined });
  });

  test('killed at any moment, and restarted: every run comes to its end, and no fault is laid twice', async () => {
    for (let atMs = 0; atMs <= 75_000; atMs += 2_500) {
      const world = new DrillWorld();
      await world.runner.start(trip, await planHash(world), ana);
      await world.pass(atMs);
      world.kill();
      world.restart();
      await world.pass(25_000);
      expect(['aborted', 'completed']).toContain(world.view().phase);
      expect(world.struck()).toEqual([]);
      expect(world.sent.filter(({ kind }) => kind === 'lay').length).toBeLessThanOrEqual(2);
    }
  });

  test('wedged: what judges stands still, and one TTL later the watchdog has lifted every layer', async () => {
    const world = new DrillWorld();
    const { snapshot } = world;
    let wedged = false;
    world.runner = new DrillRunner(
      world.ports({
        snapshot() {
          if (wedged) throw new Error('stuck');
          return snapshot;
        },
      }),
    );
    await world.run();
    wedged = true;
    await world.pass(9_000);
    expect(world.struck()).toHaveLength(2);
    await world.pass(3_000);
    expect(world.struck()).toEqual([]);
    expect(world.view().reason).toContain('nobody judged the drill for 10 s');
  });

  test('frozen for a minute and thawed: it does not go on as if nothing had been', async () => {
    const world = new DrillWorld({ duration: '300s' });
    await world.run();
    world.clock.freeze(60_000);
    expect(world.struck()).toEqual([]);
    await world.pass(2_000);
    expect(world.view()).toMatchObject({ phase: 'recovering', reason: expect.stringContaining('nobody judged') });
    expect(world.sent.filter(({ kind }) => kind === 'lay')).toHaveLength(2);
  });

  test('stopped in order: everything is lifted in the same turn', async () => {
    const world = new DrillWorld();
    await world.run();
    world.runner.stop();
    await world.pass(10);
    expect(world.struck()).toEqual([]);
  });
});

describe('clocks', () => {
  test.each([dayMs, -dayMs])(
    'a leap of %d ms of the wall clock ends the drill, and neither prolongs nor loses it',
    async (leap) => {
      const world = new DrillWorld();
      await world.run();
      world.clock.leap(leap);
      await world.pass(1_500);
      expect(world.struck()).toEqual([]);
      expect(world.view().reason).toContain('the wall clock leapt by');
      await world.pass(20_000);
      expect(world.view().phase).toBe('aborted');
    },
  );

  test('a correction of a few seconds ends nothing, and the fault lasts as long as it would have', async () => {
    const world = new DrillWorld();
    await world.run();
    world.clock.leap(-5_000);
    await world.pass(58_000);
    expect(world.struck()).toHaveLength(2);
    await world.pass(1_500);
    expect(world.struck()).toEqual([]);
  });
});

describe('when the journal fails', () => {
  function withMemory(): { world: DrillWorld; journal: MemoryJournal } {
    const journal = new MemoryJournal();
    return { world: new DrillWorld({}, journal), journal };
  }

  test('a full disk starts nothing', async () => {
    const { world, journal } = withMemory();
    const hash = await planHash(world);
    journal.full = true;
    expect(await world.runner.start(trip, hash, ana)).toMatchObject({ kind: 'store' });
    await world.pass(10_000);
    expect(world.sent).toEqual([]);
    journal.full = false;
    expect(await world.runner.start(trip, hash, ana)).toMatchObject({ kind: 'ok' });
  });

  test('full before the fault: it is not laid, as it could not be written down first', async () => {
    const { world, journal } = withMemory();
    await world.runner.start(trip, await planHash(world), ana);
    await world.pass(4_000);
    journal.full = true;
    await world.pass(3_000);
    expect(world.sent.filter(({ kind }) => kind === 'lay')).toEqual([]);
    expect(world.view().reason).toContain('the journal cannot be written');
  });

  test('full while it runs: it ends within two seconds though nothing is to be written, and is written whole once there is room', async () => {
    const { world, journal } = withMemory();
    await world.run();
    journal.full = true;
    await world.pass(2_000);
    expect(world.struck()).toEqual([]);
    await world.pass(13_000);
    expect(world.view()).toMatchObject({
      phase: 'aborted',
      reason: expect.stringContaining('the journal cannot be written'),
    });
    journal.full = false;
    await world.pass(2_000);
    const before = world.view();
    world.restart();
    expect(world.view()).toEqual(before);
    expect(journal.kept.filter(({ stream }) => stream === trip).map(({ sequence }) => sequence)).toEqual(
      journal.kept.filter(({ stream }) => stream === trip).map((_, index) => index + 1),
    );
  });

  test('read-only: nothing starts, and what runs ends', async () => {
    const { world, journal } = withMemory();
    await world.run();
    journal.blockedBy = 'record 3 was changed';
    await world.pass(2_000);
    expect(world.struck()).toEqual([]);
    expect(await world.runner.start(trip, 'any', ana)).toMatchObject({ kind: 'store' });
  });

  test('the lever works without it, and says that a restart forgets', async () => {
    const { world, journal } = withMemory();
    await world.run();
    journal.full = true;
    expect(await world.runner.haltAll(owner, 'fire')).toMatchObject({
      kind: 'store',
      advice: expect.stringContaining('a restart forgets it'),
    });
    await world.pass(1_000);
    expect(world.struck()).toEqual([]);
  });
});

test('drills that were never started are listed behind those that were', async () => {
  const world = new DrillWorld({ services: drillText2 });
  await world.run();
  expect(world.runner.list(ana).map(({ drill, phase }) => [drill, phase])).toEqual([
    [trip, 'running'],
    ['atelier/slow', 'declared'],
  ]);
  expect(world.view().startedAtMs).toBe(startMs);
  expect(drillMesh().drills.size).toBe(1);
});
