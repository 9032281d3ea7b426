/** A change goes to one proxy first; what that refuses nobody else is given, and its author reads why. */
import type { JsonValue } from '@bufbuild/protobuf';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { canaryWaitMs } from '../../src/controller/canary.ts';
import { at } from '../envoy/json.ts';
import type { TypeName } from '../fixtures/configured.ts';
import { documents } from '../fixtures/mesh-from.ts';
import { pod, twoTenants } from '../fixtures/two-tenants.ts';
import { ControlPlane } from './control-plane.ts';
import { Sidecar } from './sidecar.ts';

/** Of the way to one service. */
function patience(seconds: number, service = 'api', namespace = 'atelier'): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: ${service}, namespace: ${namespace} }
spec: { service: ${service}, timeouts: { connect: ${seconds}s } }
`;
}

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: web }, reason: reads }
`;

/** Envoy's words for a cluster that it will not have: one that waits for 9 s. */
function noNineSeconds(type: TypeName, value: JsonValue): string | undefined {
  if (type !== 'cluster' || at(value, 'connect_timeout')[0] !== '9s') return undefined;
  return `Error adding/updating cluster(s) ${String(at(value, 'name')[0])}: 9 s is too long`;
}

const replicas = documents(
  ...['web-2', 'web-3'].map((name, index) =>
    pod('atelier', 'web', `10.1.0.${20 + index}`).replace('name: web-1', `name: ${name}`),
  ),
);
const mesh = documents(twoTenants, replicas, grant);
const webs = ['atelier/web-1', 'atelier/web-2', 'atelier/web-3'];

let plane: ControlPlane;
let sidecars: readonly Sidecar[];
let other: Sidecar;

beforeEach(async () => {
  plane = await ControlPlane.start();
  await plane.write(mesh);
  sidecars = await Promise.all(webs.map((workload) => Sidecar.connect(plane, workload, 'web')));
  other = await Sidecar.connect(plane, 'notaire/web-1', 'web');
  for (const sidecar of [...sidecars, other]) {
    sidecar.refuses = noNineSeconds;
    sidecar.moved();
  }
});

afterEach(async () => {
  for (const sidecar of [...sidecars, other]) sidecar.close();
  await plane.stop();
});

const moves = () => sidecars.map((sidecar) => sidecar.moved());
const pushesOf = (typeUrl: string) =>
  plane.events.filter((event) => event.kind === 'pushed' && event.typeUrl === typeUrl);
const connectTimes = () =>
  sidecars.map((sidecar) => at(sidecar.held('cluster', 'atelier/api/80'), 'connect_timeout')[0]);

test('what one accepts all get', async () => {
  await plane.write(documents(mesh, patience(2)));
  expect(connectTimes()).toEqual(['2s', '2s', '2s']);
  const [first, ...others] = plane.events.flatMap((event) =>
    event.kind === 'pushed' && event.revision === plane.mesh.snapshot?.revision && event.typeUrl.endsWith('Cluster')
      ? [plane.events.indexOf(event)]
      : [],
  );
  const accepted = plane.events.findIndex((event, index) => index > (first ?? Infinity) && event.kind === 'acked');
  for (const index of others) expect(index).toBeGreaterThan(accepted);
});

test('what the first refuses no other is given, and the first has its last good again', async () => {
  await plane.write(documents(mesh, patience(9)));
  expect(moves()).toEqual([expect.arrayContaining(['no cluster atelier/api/80']), [], []]);
  expect(connectTimes()).toEqual(['1s', '1s', '1s']);
  expect(plane.mesh.cache.get('atelier/web-1')).not.toBe(undefined);
  const [refusal, ...more] = plane.rollout?.problems() ?? [];
  expect(more).toEqual([]);
  expect(refusal).toMatchObject({
    code: 'refused-by-proxy',
    severity: 'error',
    object: { kind: 'TrafficPolicy', namespace: 'atelier', name: 'api' },
    where: plane.mesh.snapshot?.trafficPolicies.get('atelier/api')?.where,
    message: expect.stringContaining('`atelier/web-1` refused the Cluster `atelier/api/80`'),
  });
  expect(refusal?.message).toContain('9 s is too long');
  expect(plane.mesh.said()).toContain('problem refused-by-proxy');
});

test('the same is not sent again: by another look, by a return, by time', async () => {
  await plane.write(documents(mesh, patience(9)));
  const [sent] = [pushesOf('type.googleapis.com/envoy.config.cluster.v3.Cluster').length, moves()];
  await plane.write(documents(mesh, patience(9)));
  await plane.pass(canaryWaitMs);
  expect(pushesOf('type.googleapis.com/envoy.config.cluster.v3.Cluster')).toHaveLength(sent);
  sidecars[0]?.close();
  const returned = await Sidecar.connect(plane, 'atelier/web-1', 'web');
  expect(returned.moved()).not.toContainEqual(expect.stringContaining('no '));
  expect(at(returned.held('cluster', 'atelier/api/80'), 'connect_timeout')).toEqual(['1s']);
  returned.close();
});

test('a correction is tried and given to all, and the problem is gone', async () => {
  await plane.write(documents(mesh, patience(9)));
  await plane.write(documents(mesh, patience(3)));
  expect(connectTimes()).toEqual(['3s', '3s', '3s']);
  expect(plane.rollout?.problems()).toEqual([]);
});

test('other services and tenants are pushed meanwhile, and a withdrawal waits for nobody', async () => {
  await plane.write(documents(mesh, patience(9)));
  for (const sidecar of [...sidecars, other]) sidecar.moved();
  await plane.write(documents(mesh, patience(9), patience(4, 'db'), patience(5, 'api', 'notaire')));
  for (const moved of moves()) expect(moved).toContain('cluster atelier/db/5432');
  expect(other.moved()).toContain('cluster notaire/api/80');
  expect(other.names('cluster')).toContain('atelier/web/80');
  await plane.write(documents(twoTenants, replicas, patience(9)));
  expect(other.names('cluster')).not.toContain('atelier/web/80');
  for (const moved of moves()) expect(moved).toContain('route in/8080');
});

test('one tenant’s proxy that refuses holds nothing back from another tenant, whose object it is', async () => {
  for (const sidecar of sidecars) sidecar.refuses = () => undefined;
  await plane.write(documents(mesh, patience(9, 'web')));
  expect(other.moved()).toContain('no cluster atelier/web/80');
  expect(at(other.held('cluster', 'atelier/web/80'), 'connect_timeout')).toEqual(['1s']);
  for (const sidecar of sidecars) {
    expect(at(sidecar.held('cluster', 'atelier/web/80'), 'connect_timeout')).toEqual(['9s']);
  }
  const [problem] = plane.rollout?.problems() ?? [];
  expect(problem?.object).toMatchObject({ kind: 'TrafficPolicy', namespace: 'atelier' });
  expect(problem?.message).toContain('a proxy of tenant `notaire` refused');
  expect(problem?.message).not.toContain('notaire/web-1');
});

test('the stream of a workload that is gone is ended', async () => {
  await plane.write(documents(twoTenants, grant));
  const ends = await Promise.all(sidecars.slice(1).map((sidecar) => sidecar.ended));
  expect(ends.map(({ details }) => details)).toEqual(Array(2).fill('client does not exist any more'));
  await plane.write(documents(twoTenants, grant, patience(2)));
  expect(at(sidecars[0]?.held('cluster', 'atelier/api/80') ?? null, 'connect_timeout')).toEqual(['2s']);
});
