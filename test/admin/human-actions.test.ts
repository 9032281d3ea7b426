/** What is kept of calls at the management door: acts, looks at configuration and refusals, and nobody's name. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { aboutOf, type DoorCall } from '../../src/admin/door-call.ts';
import { answerWaitMs, recordCalls } from '../../src/admin/human-actions.ts';
import type { Caller, MethodName } from '../../src/admin/methods.ts';
import { methods } from '../../src/admin/methods.ts';
import { listeningTeller } from '../evidence/teller.ts';

const alice = (tenant?: string): Caller => {
  const scope = tenant === undefined ? ({ kind: 'mesh' } as const) : ({ kind: 'tenant', tenant } as const);
  return { kind: 'person', person: { trustDomain: 'mesh.test', role: 'operator', scope, name: 'alice' } };
};

function world(seal = (tenant: string, name: string) => `sealed(${tenant},${name.length})`) {
  const teller = listeningTeller();
  const disk = Promise.withResolvers<void>();
  const told = recordCalls({
    ...teller,
    seal: { seal },
    hasTenant: (name) => name === 'shop' || name === 'bank',
    settled: () => disk.promise,
  });
  const call = (more: Partial<DoorCall>) =>
    told({ caller: alice(), method: 'drillHalt', about: '', status: 200, ...more });
  const said = () =>
    teller.heard().map((event) => {
      if (event.kind !== 'human-action') throw new Error(event.kind);
      return `${event.tenant} ${event.person} ${event.method} ${event.about} ${event.status}`;
    });
  return { call, said, disk, clock: teller.clock };
}

/** Whether it has resolved, once all that can happen by itself has. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  const [pending, one] = [Symbol('pending'), setImmediate('later')];
  return (await Promise.race([promise, one.then(() => pending)])) !== pending;
}

test('a call may be answered once its evidence is on the disk, and that leaves no timer', async () => {
  const { call, disk, clock } = world();
  const kept = call({});
  expect(await isOver(kept)).toBe(false);
  disk.resolve();
  expect(await isOver(kept)).toBe(true);
  expect(clock.timers).toBe(0);
});

test('no answer waits for long for a disk that hangs, and none waits where nothing is told', async () => {
  const { call, clock } = world();
  const kept = call({});
  clock.advance(answerWaitMs - 1);
  expect(await isOver(kept)).toBe(false);
  clock.advance(1);
  expect(await isOver(kept)).toBe(true);
  expect(await isOver(call({ method: 'status' }))).toBe(true);
});

test('an act is filed with the tenant it is about, under a pseudonym of that tenant', () => {
  const { call, said } = world();
  call({ about: 'shop/breaker' });
  call({ about: 'shop', method: 'rotateIntermediate', caller: { kind: 'owner' } });
  call({ about: '', method: 'drillHaltAll' });
  expect(said()).toEqual([
    'shop sealed(shop,5) drillHalt shop/breaker 200',
    'shop owner rotateIntermediate shop 200',
    'coffre-system sealed(coffre-system,5) drillHaltAll  200',
  ]);
});

test('who destroys a tenant’s key is told under the mesh’s own: under that one, a new key would be made for the name', () => {
  const { call, said } = world();
  call({ about: 'shop', method: 'evidenceForget' });
  call({ about: 'shop', method: 'evidenceForget', caller: alice('shop') });
  const line = 'coffre-system sealed(coffre-system,5) evidenceForget shop 200';
  expect(said()).toEqual([line, line]);
});

test('no tenant comes to be, and none is reached, by what a caller writes', () => {
  const { call, said } = world();
  call({ about: 'made-up/drill', status: 404 });
  call({ about: 'bank/drill', status: 404, caller: alice('shop') });
  expect(said()).toEqual([
    'coffre-system sealed(coffre-system,5) drillHalt made-up/drill 404',
    'shop sealed(shop,5) drillHalt bank/drill 404',
  ]);
});

test('what tools ask for every few seconds is told only where it was refused; everything else always', () => {
  const quiet = (Object.keys(methods) as MethodName[]).filter((method) => {
    const { call, said } = world();
    call({ method });
    return said().length === 0;
  });
  expect(quiet.sort()).toEqual(
    ['alerts', 'drill', 'drills', 'events', 'evidenceHead', 'proxyStatus', 'quarantines', 'rotations', 'status'].sort(),
  );
  const { call, said } = world();
  for (const status of [200, 400, 401, 403, 404, 422, 503]) call({ method: 'status', status });
  expect(said().map((line) => line.slice(-3))).toEqual(['401', '403', '404', '422']);
});

test('a caller without a name is nobody, and a name that cannot be sealed is not written', () => {
  const { call, said } = world(() => {
    throw new Error('no key');
  });
  call({ caller: undefined, method: '', status: 401 });
  call({});
  expect(said()).toEqual(['coffre-system nobody   401', 'coffre-system unsealed drillHalt  200']);
});

test('what a call is about is a name of ours, or nothing', () => {
  const bodies: readonly (readonly [unknown, string])[] = [
    [{ drill: 'shop/breaker', planHash: 'x' }, 'shop/breaker'],
    [{ workload: 'shop/web-1' }, 'shop/web-1'],
    [{ tenant: 'shop', abort: false }, 'shop'],
    [{ loss: '0123abcd' }, '0123abcd'],
    [{ from: 'shop/web', to: { service: 'bank/api' } }, 'bank/api'],
    [{ reason: 'customers see errors' }, ''],
    [{ drill: 'shop/\u001b[2J' }, ''],
    [{ drill: 'a'.repeat(400) }, ''],
    [{ drill: { tenant: 'shop' } }, ''],
    [[], ''],
    [null, ''],
  ];
  for (const [body, about] of bodies) expect(aboutOf(body)).toBe(about);
});
