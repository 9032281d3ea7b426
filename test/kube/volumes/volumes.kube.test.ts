/** The volume wall before a real API server: each attack refused with its reason, and what is like it and granted passes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditVolumes } from '../../../src/kube/volumes/audit-volumes.ts';
import type { VolumeConsents } from '../../../src/kube/volumes/consent.ts';
import { buildSnapshot } from '../../../src/model/build-snapshot.ts';
import { parseDocument } from '../../../src/model/parse-document.ts';
import { mesh, tenant } from '../../model/written.ts';
import { isKubernetesHere } from '../harness/cluster.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { type Answer, connectKube, type Kube } from '../harness/kube.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';
import { type Act, attacks, mondayHandle, standing } from './attacks.ts';
import { snapshotDefinitions } from './snapshot-definitions.ts';
import { csi, pathOf, pod, volume, type Written } from './storage.ts';
import { must, raiseWall, storageOf, until } from './wall-of-tests.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const tenants = { shop: {}, billing: {}, vault: { encryptedStorageClasses: ['encrypted'] } };
const someday = Date.parse('2027-01-01T00:00:00Z');

describe.skipIf(!isKubernetesHere())('the volume wall', () => {
  let cluster: RunningCluster;
  let kube: Kube;
  let wall: Awaited<ReturnType<typeof raiseWall>> | undefined;
  let consents = consentsOf();

  beforeAll(async () => {
    cluster = await startKube();
    kube = connectKube(cluster);
    await installDefinitions(kube);
    for (const definition of snapshotDefinitions) await must(kube, definitions, definition);
    for (const kind of ['volumesnapshots', 'volumesnapshotcontents']) {
      const path = `/apis/snapshot.storage.k8s.io/v1/${kind}`;
      await until(
        ({ status }) => status === 200,
        () => kube.request('GET', path),
      );
    }
    for (const name of [...Object.keys(tenants), 'nobody'])
      await must(kube, '/api/v1/namespaces', { metadata: { name } });
    for (const [name, more] of Object.entries(tenants)) {
      await must(kube, '/apis/coffre.dev/v1alpha1/tenants', {
        apiVersion: 'coffre.dev/v1alpha1',
        kind: 'Tenant',
        metadata: { name },
        spec: { environment: 'prod', ...more },
      });
    }
    for (const each of standing.before) await must(kube, pathOf(each), each);
    wall = await raiseWall(kube, () => consents);
    for (const each of standing.walled) await must(kube, pathOf(each), each);
    const monday = standing.walled.find(({ kind }) => kind === 'VolumeSnapshotContent');
    if (monday !== undefined) await patch(monday, { status: { snapshotHandle: mondayHandle } }, '/status');
    for (const { act } of attacks.filter(({ grant }) => grant === undefined)) {
      if (act.kind === 'write')
        await until(
          ({ status }) => status === 403,
          () => attempt(act),
        );
    }
  });

  afterAll(async () => {
    await wall?.stop();
    await kube.close();
    await cluster.stop();
  });

  const patch = async (object: Written, body: object, subresource = '', query = '') => {
    const path = `${pathOf(object)}/${object.metadata.name}${subresource}`;
    const current = await kube.request('GET', path);
    return kube.request('PUT', `${path}${query}`, merged(current.body, body));
  };
  const attempt = (act: Act): Promise<Answer> =>
    act.kind === 'write'
      ? kube.request('POST', `${pathOf(act.object)}?dryRun=All`, act.object)
      : patch(act.object, act.patch, '', '?dryRun=All');

  test.each(attacks)('SEC-48: $name: it is refused, with the reason and what to do', async ({ act, says }) => {
    consents = consentsOf();
    const { status, body } = await attempt(act);
    const message: unknown = expect.stringMatching(says);
    expect({ status, body }).toEqual({ status: 403, body: expect.objectContaining({ message }) });
  });

  const controlled = attacks.flatMap(({ name, control }) => (control === undefined ? [] : { name, control }));
  test.each(controlled)('$name: what is like it and no attack passes', async ({ control }) => {
    consents = consentsOf();
    const { status, body } = await attempt(control);
    expect({ ok: status < 400, body }).toEqual({ ok: true, body: expect.anything() });
  });

  const grantable = attacks.flatMap(({ name, act, grant }) => (grant === undefined ? [] : { name, act, grant }));
  test.each(grantable)('$name: it passes under a grant of the claim, and not of another', async ({ act, grant }) => {
    consents = consentsOf(grant);
    const granted = await attempt(act);
    consents = consentsOf('another');
    const other = await attempt(act);
    const [ok, body] = [granted.status < 400, granted.body];
    expect({ ok, body, other: other.status }).toEqual({ ok: true, body: expect.anything(), other: 403 });
  });

  test('every attack has something like it that passes', () => {
    expect(attacks.filter(({ grant, control }) => grant === undefined && control === undefined)).toEqual([]);
    expect(attacks.length).toBeGreaterThanOrEqual(15);
  });

  test('nobody is asked about what is the system’s, and the wall is about what would become so', async () => {
    const system = volume('of-the-system', 'kube-system/agent', csi('vol-1'));
    const [asked, taken] = [
      await attempt({ kind: 'write', object: system }),
      await attempt({
        kind: 'change',
        object: standing.walled[3],
        patch: { spec: { claimRef: { namespace: 'kube-system', name: 'agent' } } },
      }),
    ];
    expect([asked.status, taken.status]).toEqual([201, 403]);
  });

  test('a volume that crosses the wall can be labelled, grown and deleted', async () => {
    const [stolen] = standing.before;
    const labelled = await patch(stolen, { metadata: { labels: { seen: 'yes' } } }, '', '?dryRun=All');
    const deleted = await kube.request('DELETE', `${pathOf(stolen)}/stolen?dryRun=All`);
    const [, plain] = standing.before;
    const grown = await patch(plain, { spec: { capacity: { storage: '2Gi' } } }, '', '?dryRun=All');
    expect([labelled.status, deleted.status, grown.status]).toEqual([200, 200, 200]);
  });

  test('what came before the wall is told, and again when the grant that covered it has ended', async () => {
    const objects = await storageOf(kube);
    const told = (given: VolumeConsents) =>
      auditVolumes(objects, given).map(({ code, object, message }) => ({ code, name: object?.name, message }));
    const stolen = (kind: string) => ({ code: 'volume-wall', name: 'stolen', message: expect.stringContaining(kind) });
    const plain = { code: 'unencrypted-volume', name: 'vault-plain', message: expect.stringContaining('`plain`') };
    expect(told(consentsOf())).toEqual([
      plain,
      stolen('the content `shop-monday` is the same snapshot'),
      stolen('the content `shop-monday` is the same snapshot'),
    ]);
    expect(told(consentsOf('ledger'))).toEqual([plain]);
    expect(told({ ...consentsOf('ledger'), nowMs: someday })).toEqual(told(consentsOf()));
  });

  test('what the system’s pods need of their node they get, and a tenant’s do not', async () => {
    await must(kube, '/api/v1/namespaces', { metadata: { name: 'coffre-system' } });
    const namespaces = ['kube-system', 'coffre-system', 'shop'];
    const agents = () =>
      Promise.all(namespaces.map((namespace) => write(pod(`${namespace}/agent`, { hostPath: { path: '/etc/cni' } }))));
    const write = async (object: Written) => (await attempt({ kind: 'write', object })).status;
    expect(await agents()).toEqual([201, 201, 403]);
  });
});

function consentsOf(claim?: string): VolumeConsents {
  const more = (spec: object) => JSON.stringify(spec).slice(1, -1);
  const texts = [mesh(), ...Object.entries(tenants).map(([name, spec]) => tenant(name, 'prod', more(spec)))];
  if (claim !== undefined) texts.push(grantOf(claim));
  const objects = texts.flatMap((text) => parseDocument(text, 'mesh.yaml').objects);
  const nowMs = someday - 1;
  return { ...buildSnapshot(objects, nowMs), nowMs };
}

function grantOf(volume: string): string {
  return JSON.stringify({
    apiVersion: 'coffre.dev/v1alpha1',
    kind: 'Grant',
    metadata: { name: 'to-billing', namespace: 'shop' },
    spec: { from: { tenant: 'billing' }, to: { volume }, notAfter: '2027-01-01T00:00:00Z', reason: 'an audit' },
  });
}

/** A merge patch, as RFC 7396 has it. */
function merged(target: unknown, patch: unknown): object {
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(isRecord(patch) ? patch : {})) {
    if (value === null) delete result[key];
    else result[key] = isRecord(value) ? merged(result[key], value) : value;
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
