/** What the door answers about drills: whose they are, what is asked, and who is said to ask. */
import { describe, expect, test } from 'vitest';
import { actorOf, answerAlerts, answerDrillCall } from '../../src/admin/drills.ts';
import type { DrillCall } from '../../src/admin/drills-requests.ts';
import type { Caller } from '../../src/admin/methods.ts';
import type { Role, Scope } from '../../src/admin/person.ts';
import { sampleRecord } from '../chaos/report/sample-record.ts';
import { FakeDrillEngine } from './fake-drill-engine.ts';

const drill = sampleRecord.drill;
const planHash = sampleRecord.plan.hash;
const mesh: Scope = { kind: 'mesh' };
const notaire: Scope = { kind: 'tenant', tenant: 'notaire' };
const owner: Caller = { kind: 'owner' };

function person(role: Role, scope: Scope, name = 'alice'): Caller {
  return { kind: 'person', person: { trustDomain: 'mesh.test', role, scope, name } };
}

describe('a drill of another tenant', () => {
  const calls: readonly [DrillCall, Readonly<Record<string, string>>][] = [
    ['drillPlan', {}],
    ['drillApprove', { planHash }],
    ['drillStart', { planHash }],
    ['drillHalt', { reason: 'enough' }],
    ['drill', {}],
  ];
  test.each(calls)('is as absent as one that is nowhere: %s', async (call, more) => {
    const engine = new FakeDrillEngine({ ...sampleRecord, phase: 'planned' });
    const foreign = await answerDrillCall(engine, call, person('game-master', notaire), { drill, ...more });
    const nowhere = await answerDrillCall(new FakeDrillEngine(), call, person('game-master', mesh), { drill, ...more });
    expect(nowhere).toMatchObject({ kind: 'not-found' });
    expect(foreign).toEqual(nowhere);
    expect(engine.asked).toEqual([]);
  });

  test('is on no list, and the own one is', async () => {
    const own = { ...sampleRecord, drill: 'notaire/api', tenant: 'notaire' };
    const engine = new FakeDrillEngine(sampleRecord, own);
    const told = await answerDrillCall(engine, 'drills', person('viewer', notaire), {});
    expect(told).toEqual({ kind: 'ok', value: [own] });
  });
});

describe('a drill of another tenant that the own one feels', () => {
  const felt = { ...sampleRecord, boundedTo: 'notaire' };
  const operator = person('operator', notaire);

  test('is listed and shown as the engine bounded it, and may be halted', async () => {
    const engine = new FakeDrillEngine(felt);
    expect(await answerDrillCall(engine, 'drills', operator, {})).toEqual({ kind: 'ok', value: [felt] });
    expect(await answerDrillCall(engine, 'drill', operator, { drill })).toEqual({ kind: 'ok', value: felt });
    expect(await answerDrillCall(engine, 'drillHalt', operator, { drill, reason: 'enough' })).toMatchObject({
      kind: 'ok',
      value: { phase: 'aborted' },
    });
  });

  test.each<[DrillCall, object]>([
    ['drillPlan', {}],
    ['drillApprove', { planHash }],
    ['drillStart', { planHash }],
  ])('is absent for %s', async (call, more) => {
    const engine = new FakeDrillEngine(felt);
    const told = await answerDrillCall(engine, call, person('game-master', notaire), { drill, ...more });
    expect(told).toMatchObject({ kind: 'not-found' });
    expect(engine.asked).toEqual([]);
  });

  test('is absent for a third', async () => {
    const engine = new FakeDrillEngine(felt);
    const third = person('operator', { kind: 'tenant', tenant: 'banque' });
    expect(await answerDrillCall(engine, 'drillHalt', third, { drill, reason: 'x' })).toMatchObject({
      kind: 'not-found',
    });
    expect(await answerDrillCall(engine, 'drills', third, {})).toEqual({ kind: 'ok', value: [] });
    expect(engine.asked).toEqual([]);
  });
});

describe('a report', () => {
  const wish = { drill, form: 'markdown', language: 'fr' };

  test('is the engine’s, in the form and language that were asked for', async () => {
    const engine = new FakeDrillEngine(sampleRecord);
    const told = await answerDrillCall(engine, 'drillReport', person('auditor', mesh), wish);
    expect(told).toMatchObject({
      kind: 'ok',
      value: { text: expect.stringMatching(/^# Exercice/), verdict: 'deviated' },
    });
    expect(engine.asked).toMatchObject([{ what: `report ${drill}: markdown fr`, by: { name: 'alice' } }]);
  });

  test('of a drill that the tenant feels is given, and of another’s there is none', async () => {
    const felt = new FakeDrillEngine({ ...sampleRecord, boundedTo: 'notaire' });
    expect(await answerDrillCall(felt, 'drillReport', person('operator', notaire), wish)).toMatchObject({ kind: 'ok' });
    const foreign = new FakeDrillEngine(sampleRecord);
    expect(await answerDrillCall(foreign, 'drillReport', person('operator', notaire), wish)).toMatchObject({
      kind: 'not-found',
    });
    expect(foreign.asked).toEqual([]);
  });

  test.each([
    [{ ...wish, form: 'pdf' }],
    [{ ...wish, language: 'de' }],
    [{ drill }],
    [{ ...wish, out: '/etc/passwd' }],
  ])('with a wish that is none is refused: %j', async (body) => {
    const engine = new FakeDrillEngine(sampleRecord);
    expect(await answerDrillCall(engine, 'drillReport', owner, body)).toMatchObject({ kind: 'bad-request' });
    expect(engine.asked).toEqual([]);
  });
});

describe('who is said to ask', () => {
  test.each<[string, Caller, ReturnType<typeof actorOf>]>([
    ['the owner', owner, { name: 'owner', tenant: undefined, mayStrike: true }],
    ['a game-master', person('game-master', mesh, 'a.b_c'), { name: 'a.b_c', tenant: undefined, mayStrike: true }],
    ['an operator', person('operator', notaire), { name: 'alice', tenant: 'notaire', mayStrike: false }],
    ['an auditor', person('auditor', mesh), { name: 'alice', tenant: undefined, mayStrike: false }],
  ])('%s', (_, caller, actor) => {
    expect(actorOf(caller)).toEqual(actor);
  });

  test('the engine is told with each call', async () => {
    const engine = new FakeDrillEngine(sampleRecord);
    await answerDrillCall(engine, 'drillPlan', person('game-master', mesh), { drill });
    await answerDrillCall(engine, 'drillHaltAll', person('operator', notaire, 'bob'), { reason: 'enough' });
    expect(engine.asked).toEqual([
      { what: `plan ${drill}`, by: { name: 'alice', tenant: undefined, mayStrike: true } },
      { what: 'haltAll: enough', by: { name: 'bob', tenant: 'notaire', mayStrike: false } },
    ]);
  });
});

test('a start that is sent twice starts once', async () => {
  const engine = new FakeDrillEngine({ ...sampleRecord, phase: 'planned' });
  const start = () => answerDrillCall(engine, 'drillStart', owner, { drill, planHash });
  expect(await start()).toMatchObject({ kind: 'ok', value: { phase: 'running' } });
  expect(await start()).toMatchObject({ kind: 'conflict' });
});

describe('a body that is not exactly the request is refused, and nothing is done', () => {
  test.each<[string, DrillCall, unknown, RegExp]>([
    ['no object', 'drillPlan', [drill], /object/],
    ['nothing', 'drillPlan', null, /object/],
    ['a field missing', 'drillStart', { drill }, /`planHash` is missing/],
    ['a field misspelt', 'drillStart', { drill, planhash: planHash }, /planhash/i],
    ['a field too many', 'drillPlan', { drill, force: true }, /`force`/],
    ['a field too many where none is wanted', 'drillRelease', { drill }, /`drill`/],
    ['a raw runtime key', 'drillPlan', { drill, keys: { 'envoy.reloadable_features.x': 1 } }, /`keys`/],
    ['a drill without namespace', 'drillPlan', { drill: 'api' }, /`drill`/],
    ['a drill that climbs', 'drillPlan', { drill: '../kube-system/x' }, /`drill`/],
    ['a drill of another type', 'drillPlan', { drill: { $ne: '' } }, /`drill`/],
    ['a drill with a second slash', 'drill', { drill: 'atelier/a/b' }, /`drill`/],
    ['a name that is too long', 'drill', { drill: `atelier/${'a'.repeat(400)}` }, /`drill`/],
    ['a hash that is none', 'drillStart', { drill, planHash: 'latest' }, /`planHash`/],
    ['a reason of nothing', 'drillHalt', { drill, reason: '' }, /`reason`/],
    ['a reason without end', 'drillHalt', { drill, reason: 'x'.repeat(501) }, /`reason`/],
    ['orders for a terminal', 'drillHalt', { drill, reason: '\u001b[2J' }, /`reason`/],
    ['letters that turn the line round', 'drillHaltAll', { reason: 'fine\u202e' }, /`reason`/],
  ])('%s', async (_, call, body, message) => {
    const engine = new FakeDrillEngine(sampleRecord);
    expect(await answerDrillCall(engine, call, owner, body)).toEqual({
      kind: 'bad-request',
      message: expect.stringMatching(message),
      advice: expect.any(String),
    });
    expect(engine.asked).toEqual([]);
  });

  test('a reason in any script is one', async () => {
    const engine = new FakeDrillEngine(sampleRecord);
    const reason = 'les clients voient des erreurs 😱, 顧客';
    expect(await answerDrillCall(engine, 'drillHalt', owner, { drill, reason })).toMatchObject({ kind: 'ok' });
  });
});

describe('alerts', () => {
  /** As Alertmanager 0.28 posts a group, cut to what matters and what must not. */
  const webhook = {
    version: '4',
    groupKey: '{}:{alertname="CheckoutDown"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'coffre',
    groupLabels: { alertname: 'CheckoutDown' },
    commonLabels: { alertname: 'CheckoutDown' },
    commonAnnotations: {},
    externalURL: 'http://alertmanager.test',
    alerts: [
      {
        status: 'firing',
        labels: { severity: 'page', alertname: 'CheckoutDown' },
        annotations: { summary: 'nobody can buy' },
        startsAt: '2026-11-21T13:00:42.48+01:00',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'http://prometheus.test/graph',
        fingerprint: 'c0ffee',
      },
    ],
  };
  const post = (body: unknown, caller: Caller = owner) => {
    const engine = new FakeDrillEngine();
    return { told: answerAlerts(engine, caller, body), heard: engine.heard };
  };

  test('are read as Alertmanager sends them', () => {
    const { told, heard } = post(webhook);
    expect(told).toEqual({ kind: 'ok', value: { taken: 1 } });
    expect(heard).toEqual([
      {
        name: 'CheckoutDown',
        state: 'firing',
        labels: { alertname: 'CheckoutDown', severity: 'page' },
        startsAtMs: Date.parse('2026-11-21T12:00:42.480Z'),
      },
    ]);
  });

  test('are read in the generic spelling, with as little as a name and a state', () => {
    const { heard } = post({ alerts: [{ name: 'a', state: 'resolved' }] });
    expect(heard).toEqual([{ name: 'a', state: 'resolved', labels: {} }]);
  });

  test('of one tenant’s poster are for that tenant’s drills only', () => {
    const { heard } = post(webhook, person('operator', notaire));
    expect(heard).toMatchObject([{ name: 'CheckoutDown', tenant: 'notaire' }]);
  });

  test('that no condition can mean are passed over, and the others are heard', () => {
    const nameless = { status: 'firing', labels: { alertname: '' } };
    const unnamed = { status: 'firing', labels: {} };
    const { told, heard } = post({ ...webhook, alerts: [nameless, unnamed, ...webhook.alerts] });
    expect(told).toEqual({ kind: 'ok', value: { taken: 1 } });
    expect(heard).toHaveLength(1);
  });

  test('lose the end of a label rather than be lost', () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`l${1_000 + index}`, 'v']));
    const { heard } = post({
      alerts: [{ name: 'n'.repeat(5_000), state: 'firing', labels: { a: 'x'.repeat(9_000), ...many } }],
    });
    expect(heard[0]?.name).toHaveLength(1_024);
    expect(heard[0]?.labels['a']).toHaveLength(1_024);
    expect(Object.keys(heard[0]?.labels ?? {})).toHaveLength(64);
  });

  test('of the year 1 have begun at no known moment', () => {
    const { heard } = post({ alerts: [{ name: 'a', state: 'firing', startsAt: '0001-01-01T00:00:00Z' }] });
    expect(heard[0]).not.toHaveProperty('startsAtMs');
  });

  test('SEC-54 with a label called __proto__ change no other object', () => {
    const { heard } = post(JSON.parse('{"alerts":[{"name":"a","state":"firing","labels":{"__proto__":"x"}}]}'));
    expect(Object.getPrototypeOf(heard[0]?.labels)).toBe(Object.prototype);
  });

  const alert = { name: 'a', state: 'firing' };
  test.each<[string, unknown]>([
    ['no object', 7],
    ['a list', [alert]],
    ['no alerts', {}],
    ['alerts that are no list', { alerts: alert }],
    ['another version of the webhook', { ...webhook, version: '5' }],
    ['a state that is none', { alerts: [{ ...alert, state: 'maybe' }] }],
    ['no name', { alerts: [{ state: 'firing' }] }],
    ['an empty name', { alerts: [{ ...alert, name: '' }] }],
    ['a field too many', { alerts: [{ ...alert, severity: 'page' }] }],
    ['a field too many outside', { alerts: [alert], drill: 'atelier/api' }],
    ['labels that are no texts', { alerts: [{ ...alert, labels: { a: { b: 1 } } }] }],
    ['a moment that is none', { alerts: [{ ...alert, startsAt: 'yesterday' }] }],
    ['more than a thousand', { alerts: Array.from({ length: 1_001 }, () => alert) }],
    ['one bad among good ones', { alerts: [alert, alert, { name: 'a' }] }],
    ['a status of Alertmanager that is none', { ...webhook, alerts: [{ ...webhook.alerts[0], status: 'x' }] }],
  ])('of a form that is none are refused whole: %s', (_, body) => {
    const { told, heard } = post(body);
    expect(told).toEqual({ kind: 'bad-request', message: expect.any(String), advice: expect.any(String) });
    expect(heard).toEqual([]);
  });
});
