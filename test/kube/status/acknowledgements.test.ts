/** Who counts as having acknowledged an object, over the life of a mesh. */
import { describe, expect, test } from 'vitest';
import {
  Acknowledgements,
  type ConnectedProxy,
  newcomerMs,
  type Published,
  sumOf,
} from '../../../src/kube/status/acknowledgements.ts';
import { buildSnapshot } from '../../../src/model/build-snapshot.ts';
import { documents, objectsFrom } from '../../fixtures/mesh-from.ts';
import { tenant, workloads } from '../../fixtures/two-tenants.ts';

const world = documents(tenant('atelier'), tenant('notaire'), workloads);

function policy(methods: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: readers, namespace: atelier }
spec: { selector: { matchLabels: { app: api } }, allow: [{ from: { serviceAccounts: [web] }, to: { methods: [${methods}] } }] }
`;
}

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: they need it }
`;

function publish(...texts: readonly string[]): Published {
  const objects = objectsFrom(documents(world, ...texts));
  return { snapshot: buildSnapshot(objects), objects };
}

function proxy(name: string, isWhole = true, openedAtMs = 0): ConnectedProxy {
  return { kind: 'sidecar', name, isWhole, openedAtMs };
}

const atelierApi = 'atelier/api-1';
const readers = 'AccessPolicy/atelier/readers';
/** Long after everybody came. */
const laterMs = 10 * newcomerMs;

/** `n/m` of the sidecars. */
function counted(tallies: ReturnType<Acknowledgements['tallies']>, id: string): string {
  const { acknowledged, concerned } = tallies.get(id)?.sidecars ?? expect.fail(`no tally of ${id}`);
  return `${acknowledged}/${concerned}`;
}

describe('whom an object concerns', () => {
  const everybody = ['atelier/web-1', atelierApi, 'atelier/db-1', 'notaire/web-1', 'notaire/api-1'];
  const tallies = new Acknowledgements().tallies(
    publish(policy('GET'), grant),
    everybody.map((name) => proxy(name)),
    laterMs,
  );
  test.each([
    ['Mesh//default', '5/5', 'everybody'],
    ['Tenant//atelier', '5/5', 'its own, and those whom it lets in'],
    ['Tenant//notaire', '2/2', 'its own alone, where it lets in nobody'],
    [readers, '1/1', 'whom it selects'],
    ['Grant/atelier/g', '3/3', 'whom it lets in, and those behind the service'],
  ])('%s: %s, %s', (id, count) => {
    expect(counted(tallies, id)).toBe(count);
  });
});

test('a proxy that held everything has acknowledged, whatever it is told afterwards', () => {
  const acknowledgements = new Acknowledgements();
  const published = publish(policy('GET'));
  expect(counted(acknowledgements.tallies(published, [proxy(atelierApi)], laterMs), readers)).toBe('1/1');
  expect(counted(acknowledgements.tallies(published, [proxy(atelierApi, false)], laterMs), readers)).toBe('1/1');
  const other = publish(policy('GET'), grant);
  expect(counted(acknowledgements.tallies(other, [proxy(atelierApi, false)], laterMs), readers)).toBe('1/1');
});

test('another content of the object is acknowledged anew', () => {
  const acknowledgements = new Acknowledgements();
  acknowledgements.tallies(publish(policy('GET')), [proxy(atelierApi)], laterMs);
  const edited = publish(policy('GET, HEAD'));
  expect(counted(acknowledgements.tallies(edited, [proxy(atelierApi, false)], laterMs), readers)).toBe('0/1');
  expect(counted(acknowledgements.tallies(edited, [proxy(atelierApi)], laterMs), readers)).toBe('1/1');
});

test('content that comes back is acknowledged anew: in between there was another', () => {
  const acknowledgements = new Acknowledgements();
  for (const methods of ['GET', 'GET, HEAD']) {
    acknowledgements.tallies(publish(policy(methods)), [proxy(atelierApi)], laterMs);
  }
  const back = acknowledgements.tallies(publish(policy('GET')), [proxy(atelierApi, false)], laterMs);
  expect(counted(back, readers)).toBe('0/1');
});

test('a proxy that has just come does not count until it has answered, or should have', () => {
  const acknowledgements = new Acknowledgements();
  const published = publish(policy('GET'));
  const fresh = proxy(atelierApi, false, laterMs);
  const at = (ms: number) => counted(acknowledgements.tallies(published, [fresh], laterMs + ms), readers);
  expect([at(0), at(newcomerMs - 1), at(newcomerMs)]).toEqual(['0/0', '0/0', '0/1']);
});

test('a proxy that is away is not counted, and begins anew when it comes back', () => {
  const acknowledgements = new Acknowledgements();
  const published = publish(policy('GET'));
  acknowledgements.tallies(published, [proxy(atelierApi)], laterMs);
  expect(counted(acknowledgements.tallies(published, [], laterMs), readers)).toBe('0/0');
  const back = acknowledgements.tallies(published, [proxy(atelierApi, false)], laterMs);
  expect(counted(back, readers)).toBe('0/1');
});

test('rules concern the authorization workers as well, and traffic does not', () => {
  const worker: ConnectedProxy = { kind: 'worker', name: 'worker 1', isWhole: true, openedAtMs: 0 };
  const traffic = `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: t, namespace: atelier }
spec: { service: api, timeouts: { request: 2s } }
`;
  const tallies = new Acknowledgements().tallies(publish(policy('GET'), traffic), [worker], laterMs);
  expect(tallies.get(readers)?.workers).toEqual({ acknowledged: 1, concerned: 1 });
  expect(tallies.get('TrafficPolicy/atelier/t')?.workers).toEqual({ acknowledged: 0, concerned: 0 });
});

test('replicas add up, and one that has not seen this content yet counts its proxies as behind', () => {
  const tally = (hash: string, acknowledged: number, concerned: number) => ({
    ...{ id: readers, hash, sidecars: { acknowledged, concerned }, workers: { acknowledged: 0, concerned: 0 } },
  });
  expect(sumOf('new', [tally('new', 3, 3), tally('new', 2, 4)]).sidecars).toEqual({ acknowledged: 5, concerned: 7 });
  expect(sumOf('new', [tally('new', 3, 3), tally('old', 4, 4)]).sidecars).toEqual({ acknowledged: 3, concerned: 7 });
});
