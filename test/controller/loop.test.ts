/** The loop: looks at once, merges what comes meanwhile, wakes for what time alone changes, and never serves less for an error. */
import { describe, expect, test } from 'vitest';
import { documents } from '../fixtures/mesh-from.ts';
import { MeshLoop } from '../fixtures/mesh-loop.ts';
import { atelier, twoTenants } from '../fixtures/two-tenants.ts';

function grantUntil(ms: number): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, notAfter: "${new Date(ms).toISOString()}", reason: reads }
`;
}

const caller = 'notaire/web-1';

/** Whether the caller’s proxy is told of the other tenant’s service. */
function isOpen(mesh: MeshLoop): boolean {
  const types = mesh.cache.get(caller)?.types.values() ?? [];
  return [...types].some((ofType) => [...ofType.keys()].some((name) => name.includes('atelier/api')));
}

describe('when it looks', () => {
  test('the first call looks at once, in the same turn', () => {
    const mesh = new MeshLoop();
    mesh.edit(twoTenants);
    mesh.loop.lookAgain();
    expect(mesh.looks).toBe(1);
  });

  test('any number of calls during a run make one more run, which sees the newest', async () => {
    const mesh = new MeshLoop();
    mesh.edit(twoTenants);
    mesh.loop.lookAgain();
    mesh.edit(documents(twoTenants, grantUntil(mesh.clock.nowMs() + 1_000)));
    for (let call = 0; call < 5; call += 1) mesh.loop.lookAgain();
    await mesh.loop.settled();
    expect(mesh.looks).toBe(2);
    expect(isOpen(mesh)).toBe(true);
  });

  test('a call in the very moment a run ends is not lost', async () => {
    const mesh = new MeshLoop();
    mesh.edit(twoTenants);
    const { setTimer } = mesh.clock;
    let called = false;
    // The timer is set last in a run: a microtask from there stands between its end and whoever awaits it.
    mesh.clock.setTimer = (ms, then) => {
      if (!called) queueMicrotask(() => mesh.loop.lookAgain());
      called = true;
      return setTimer.call(mesh.clock, ms, then);
    };
    mesh.loop.lookAgain();
    await mesh.loop.settled();
    expect(mesh.looks).toBe(2);
  });

  test('between two looks the event loop goes round, however fast calls come', async () => {
    const mesh = new MeshLoop();
    mesh.edit(twoTenants);
    const turns: number[] = [];
    let turn = 0;
    const count = () => {
      turn += 1;
      if (turns.length < 5) setImmediate(count);
    };
    setImmediate(count);
    mesh.looked = () => {
      turns.push(turn);
      // The next change is there in a microtask, as from a crowd of them.
      if (turns.length < 5) queueMicrotask(() => mesh.loop.lookAgain());
    };
    mesh.loop.lookAgain();
    await mesh.loop.settled();
    expect(new Set(turns).size).toBe(5);
  });

  test('calls in the turn that a run ends in merge into one more run', async () => {
    const mesh = new MeshLoop();
    mesh.edit(twoTenants);
    const { setTimer } = mesh.clock;
    let runs = 0;
    // The timer is set last in a run.
    mesh.clock.setTimer = (ms, then) => {
      runs += 1;
      if (runs === 1) for (let call = 0; call < 100; call += 1) queueMicrotask(() => mesh.loop.lookAgain());
      return setTimer.call(mesh.clock, ms, then);
    };
    mesh.loop.lookAgain();
    await mesh.loop.settled();
    expect(mesh.looks).toBe(2);
  });

  test('after it was stopped it looks no more, by call or by timer', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    await mesh.loop.stop();
    mesh.loop.lookAgain();
    await mesh.pass(600_000);
    expect(mesh.looks).toBe(1);
    expect(mesh.clock.armed).toBe(0);
  });

  test('one timer is armed at a time, however often it looked', async () => {
    const mesh = new MeshLoop();
    for (let turn = 0; turn < 3; turn += 1) await mesh.write(twoTenants);
    expect(mesh.clock.armed).toBe(1);
  });
});

describe('what time alone changes', () => {
  test('a grant is withdrawn at its end to the millisecond, and not before', async () => {
    const mesh = new MeshLoop();
    await mesh.write(documents(twoTenants, grantUntil(mesh.clock.nowMs() + 1_000)));
    await mesh.pass(999);
    expect(isOpen(mesh)).toBe(true);
    await mesh.pass(1);
    expect(isOpen(mesh)).toBe(false);
  });

  test('a grant that ends while a run is under way is withdrawn right after it', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    mesh.authority.before = async () => {
      mesh.authority.before = () => Promise.resolve();
      mesh.clock.advance(50);
    };
    await mesh.write(documents(twoTenants, grantUntil(mesh.clock.nowMs() + 20)));
    await mesh.pass(0);
    expect(isOpen(mesh)).toBe(false);
  });

  test('it looks when a certificate is due', async () => {
    const mesh = new MeshLoop();
    mesh.authority.renewalMs = mesh.clock.nowMs() + 30_000;
    await mesh.write(twoTenants);
    await mesh.pass(29_999);
    expect(mesh.looks).toBe(1);
    await mesh.pass(1);
    expect(mesh.looks).toBe(2);
  });
});

describe('what is served', () => {
  test('nobody is answered before the first whole run', async () => {
    const mesh = new MeshLoop();
    mesh.loop.lookAgain();
    await mesh.loop.settled();
    expect(mesh.cache.isReady()).toBe(false);
    await mesh.write(twoTenants);
    expect(mesh.cache.isReady()).toBe(true);
  });

  test('what is certified is published before anything new is issued', async () => {
    const mesh = new MeshLoop();
    await mesh.write(documents(twoTenants, grantUntil(mesh.clock.nowMs() + 60_000)));
    const seen: boolean[] = [];
    mesh.authority.before = async () => {
      seen.push(isOpen(mesh));
    };
    const newcomer = twoTenants.replaceAll('serviceAccountName: db', 'serviceAccountName: archive');
    await mesh.write(newcomer);
    expect(seen).toEqual([false]);
  });

  test('a workload that waits for its certificate is withheld, then served in the same run', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    const all = 'atelier/api-1,atelier/db-1,atelier/web-1,notaire/api-1,notaire/web-1';
    expect(mesh.said()).toEqual([
      expect.stringContaining(`published, withheld ${all}`),
      expect.stringContaining('published, withheld none'),
    ]);
    expect(mesh.cache.get('atelier/web-1')).toBeDefined();
  });

  test('an identity that cannot be issued holds back its own workloads and no others', async () => {
    const mesh = new MeshLoop();
    mesh.authority.refused.add(atelier.api);
    await mesh.write(twoTenants);
    expect(mesh.said()).toContain(`not issued ${atelier.api}`);
    expect(mesh.cache.get('atelier/api-1')).toBeUndefined();
    expect(mesh.cache.get('atelier/web-1')).toBeDefined();
  });

  test('a workload that is gone is forgotten, and comes back', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    await mesh.write(twoTenants.replaceAll('name: web-1, namespace: notaire', 'name: web-2, namespace: notaire'));
    expect(mesh.cache.get('notaire/web-1')).toBeUndefined();
    expect(mesh.cache.get('notaire/web-2')).toBeDefined();
    await mesh.write(twoTenants);
    expect(mesh.cache.get('notaire/web-1')).toBeDefined();
  });
});

describe('what an error leaves', () => {
  test('a mesh without its `Mesh` leaves everything served, and is told', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    const served = mesh.cache.get(caller);
    mesh.said();
    await mesh.write('apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: { name: default }\nspec: {}\n');
    expect(mesh.said()).toContain('problem missing-mesh');
    expect(mesh.cache.get(caller)).toBe(served);
  });

  test('another trust domain leaves everything served, says why, and is tried again', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    const served = mesh.cache.get(caller);
    const moved =
      'apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: { name: default }\nspec: { trustDomain: moved.test }';
    await mesh.write(documents(moved, twoTenants));
    expect(mesh.said()).toContainEqual(expect.stringContaining('the trust domain is `moved.test`'));
    expect(mesh.cache.get(caller)).toBe(served);
    const { looks } = mesh;
    await mesh.pass(1_000);
    expect(mesh.looks).toBeGreaterThan(looks);
  });

  test('a run that throws leaves everything served, and the next one heals', async () => {
    let broken = false;
    const mesh = new MeshLoop(() =>
      broken ? Promise.reject(new Error('the disk is full')) : Promise.resolve(Infinity),
    );
    await mesh.write(twoTenants);
    const served = mesh.cache.get(caller);
    broken = true;
    await mesh.write(twoTenants);
    expect(mesh.said()).toContain('run failed: the disk is full');
    expect(mesh.cache.get(caller)?.types).toEqual(served?.types);
    broken = false;
    await mesh.pass(250);
    expect(mesh.said()).not.toContain('run failed: the disk is full');
  });

  test('one configuration that cannot be built leaves its proxy with the old one, and the others with the new', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    const before = new Map(['atelier/web-1', 'atelier/api-1'].map((key) => [key, mesh.cache.get(key)]));
    mesh.authority.unreadable.add(atelier.web);
    await mesh.write(documents(twoTenants, grantUntil(mesh.clock.nowMs() + 1_000)));
    expect(mesh.said()).toContain('not built atelier/web-1');
    expect(mesh.cache.get('atelier/web-1')).toBe(before.get('atelier/web-1'));
    expect(mesh.cache.get('atelier/api-1')?.types).not.toEqual(before.get('atelier/api-1')?.types);
  });

  test('a tenant of which something throws is reported as made anew, and no other tenant is', async () => {
    const mesh = new MeshLoop();
    await mesh.write(twoTenants);
    const anew = () => mesh.said().filter((line) => line.startsWith('made whole'));
    expect(anew()).toEqual([]);
    mesh.authority.unreadable.add(atelier.web);
    await mesh.write(documents(twoTenants, grantUntil(mesh.clock.nowMs() + 1_000)));
    expect([...new Set(anew())]).toEqual(['made whole atelier']);
  });
});
