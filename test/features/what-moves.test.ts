/** One change in the objects moves exactly the resources it must, in exactly the proxies it concerns. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { effectMs } from '../../src/controller/acceptance.ts';
import { documents } from '../fixtures/mesh-from.ts';
import { pod, twoTenants } from '../fixtures/two-tenants.ts';
import { ControlPlane } from './control-plane.ts';
import { Sidecar } from './sidecar.ts';

const guard = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: guard, namespace: atelier }
spec:
  selector: { matchLabels: { app: api } }
  deny: [{ to: { paths: ["/admin/*"] } }]
`;

function grant(notAfter = ''): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire, serviceAccounts: [web] }, to: { service: api }, ${notAfter} reason: reads }
`;
}

let plane: ControlPlane;
let callee: Sidecar;
let caller: Sidecar;
let bystander: Sidecar;

beforeEach(async () => {
  plane = await ControlPlane.start();
  await plane.write(twoTenants);
  callee = await Sidecar.connect(plane, 'atelier/api-1', 'api');
  caller = await Sidecar.connect(plane, 'notaire/web-1', 'web');
  bystander = await Sidecar.connect(plane, 'atelier/web-1', 'web');
});

afterEach(async () => {
  for (const sidecar of [callee, caller, bystander]) sidecar.close();
  await plane.stop();
});

const moves = () => ({ callee: callee.moved(), caller: caller.moved(), bystander: bystander.moved() });
const nothing = { callee: [], caller: [], bystander: [] };

/** What a grant brings to its caller; a withdrawal takes the clusters and listeners, and the rest is not asked for any more. */
const opened = [
  'cluster atelier/api/80',
  'endpoints atelier/api/80',
  'listener out/atelier/api/80/10.96.1.2',
  'route out/atelier/api/80',
  'secret servers/atelier/api/80',
];
const closed = ['-cluster atelier/api/80', '-listener out/atelier/api/80/10.96.1.2'];

describe('at first', () => {
  test('a proxy gets all that it refers to, each resource once', () => {
    const received = callee.moved();
    expect(new Set(received).size).toBe(received.length);
    expect(received).toContain('runtime drill');
    expect(callee.names('listener')).toEqual([
      'inbound',
      'inspection',
      'out/atelier/api/80/10.96.1.2',
      'out/atelier/db/5432/10.96.1.3',
      'out/atelier/web/80/10.96.1.1',
      'outbound',
      'statistics',
    ]);
    expect(callee.names('endpoints')).toEqual(['atelier/api/80', 'atelier/db/5432', 'atelier/web/80', 'coffre-authz']);
    expect(callee.names('route')).toEqual(['in/8080', 'out/atelier/api/80', 'out/atelier/web/80']);
    expect(callee.names('secret')).toContain('trust/atelier');
  });

  test('the same objects again, or another order of them, move nothing', async () => {
    moves();
    await plane.write(twoTenants);
    await plane.write(twoTenants.split('\n---\n').reverse().join('\n---\n'));
    expect(moves()).toEqual(nothing);
  });
});

describe('later', () => {
  beforeEach(() => moves());

  test('a policy edit moves one route, and no listener', async () => {
    await plane.write(documents(twoTenants, guard));
    expect(moves()).toEqual({ ...nothing, callee: ['route in/8080'] });
    expect(JSON.stringify(callee.held('route', 'in/8080'))).toContain('/admin');
  });

  test('a grant brings the caller one service, and the callee one chain and one anchor', async () => {
    await plane.write(documents(twoTenants, grant()));
    // The caller is led there when the callee's workers surely have the chain.
    await plane.pass(effectMs);
    expect(moves()).toEqual({
      callee: ['listener inbound', 'route in/8080', 'secret trust/notaire'],
      caller: opened,
      bystander: [],
    });
  });

  test('its withdrawal takes exactly that away', async () => {
    await plane.write(documents(twoTenants, grant()));
    await plane.pass(effectMs);
    moves();
    await plane.write(twoTenants);
    const { callee: atCallee, caller: atCaller, bystander: elsewhere } = moves();
    expect(atCallee).toEqual(expect.arrayContaining(['listener inbound', 'route in/8080']));
    expect(atCaller).toEqual(expect.arrayContaining(closed));
    expect(elsewhere).toEqual([]);
    expect(callee.names('secret')).not.toContain('trust/notaire');
    for (const type of ['cluster', 'endpoints', 'listener', 'route', 'secret'] as const) {
      expect(caller.names(type).filter((name) => name.includes('atelier'))).toEqual([]);
    }
  });

  test('a grant ends by the clock alone, in both proxies', async () => {
    const endMs = plane.mesh.clock.nowMs() + 5_000;
    await plane.write(documents(twoTenants, grant(`notAfter: "${new Date(endMs).toISOString()}",`)));
    await plane.pass(effectMs);
    moves();
    await plane.pass(4_999 - effectMs);
    expect(moves()).toEqual(nothing);
    await plane.pass(1);
    const { callee: atCallee, caller: atCaller } = moves();
    expect(atCallee).toContain('listener inbound');
    expect(atCaller).toEqual(expect.arrayContaining(closed));
  });

  test('a pod that is not ready, and is again, moves endpoints only', async () => {
    const api = (ready: boolean) => pod('atelier', 'api', '10.1.0.2', { ready });
    await plane.write(twoTenants.replace(api(true), api(false)));
    expect(moves()).toEqual({
      callee: ['endpoints atelier/api/80'],
      caller: [],
      bystander: ['endpoints atelier/api/80'],
    });
    expect(JSON.stringify(bystander.held('endpoints', 'atelier/api/80'))).not.toContain('10.1.0.2');
    await plane.write(twoTenants);
    expect(moves()).toEqual({
      callee: ['endpoints atelier/api/80'],
      caller: [],
      bystander: ['endpoints atelier/api/80'],
    });
  });

  test('a policy that nobody understands denies its scope, and moves nothing beside', async () => {
    await plane.write(documents(twoTenants, guard.replace('paths', 'pathes')));
    expect(moves()).toEqual({ ...nothing, callee: ['route in/8080'] });
    expect(JSON.stringify(callee.held('route', 'in/8080'))).toContain('access-policy/atelier/guard/broken');
  });

  test('a mesh without its `Mesh` leaves every proxy as it is, until it is mended', async () => {
    await plane.write('apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: { name: default }\nspec: {}\n');
    expect(plane.mesh.said()).toContain('problem missing-mesh');
    expect(moves()).toEqual(nothing);
    await plane.write(documents(twoTenants, guard));
    expect(moves()).toEqual({ ...nothing, callee: ['route in/8080'] });
  });

  test('a proxy whose configuration cannot be built keeps its own, and the others move on', async () => {
    plane.mesh.authority.unreadable.add('spiffe://mesh.test/ns/atelier/sa/api');
    await plane.write(documents(twoTenants, guard, grant()));
    expect(plane.mesh.said()).toContain('not built atelier/api-1');
    expect(moves()).toEqual({ callee: [], caller: opened, bystander: [] });
  });

  test('a workload that is gone has its stream ended', async () => {
    await plane.write(twoTenants.replace('name: web-1, namespace: notaire', 'name: web-9, namespace: notaire'));
    await expect(caller.ended).resolves.toMatchObject({ code: expect.any(Number) });
    expect((await caller.ended).code).not.toBe(0);
  });
});
