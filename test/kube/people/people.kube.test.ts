/** How people of a cluster come to the management door: by what RBAC lets them be, and by no token. */
import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPeopleAuthority } from '../../../src/admin/people-authority.ts';
import { openPeople } from '../../../src/compose/open-people.ts';
import { openRecords } from '../../../src/compose/open-records.ts';
import { openAuthority } from '../../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../../src/identity/system-ports.io.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import { personNameOf } from '../../../src/kube/people/person-request.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { connectKube, type Kube, type User } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';

const longMs = 30_000;

const rights = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: asks }
rules: [{ apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [create, get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: asks }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: asks }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: people }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: game-master, namespace: shop }
rules: [{ apiGroups: [coffre.dev], resources: [doorroles], resourceNames: [game-master], verbs: [use] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: game-master, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: game-master }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: Ana@example.com }]
`;

whereKube('a person of a cluster', () => {
  let cluster: RunningCluster;
  let kube: Kube;
  let folder: string;
  let ana: User;
  let eve: User;
  let anchorPem: string;
  let term: number | undefined = 1;
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    cluster = await startKube();
    kube = connectKube(cluster);
    for (const name of ['shop', systemNamespace])
      await kube.request('POST', '/api/v1/namespaces', { metadata: { name } });
    await kube.kubectl(['apply', '-f', '-'], { input: rights });
    [ana, eve] = [await kube.newUser('Ana@example.com', ['people']), await kube.newUser('eve', ['people'])];
    folder = await mkdtemp(join(tmpdir(), 'coffre-people-'));
    const client = openKubeClient({ kind: 'kubeconfig', file: await kube.adminKubeconfig() });
    const shared = await openRecords({
      config: { state: folder, stateKeyFile: undefined },
      cluster: client,
      signal: new AbortController().signal,
      log: console,
    });
    const { records } = shared;
    await openAuthority({ stateFolder: folder, records, trustDomain: 'mesh.test', ports: systemPorts });
    ({ anchorPem } = await openPeopleAuthority({ stateFolder: folder, records }));
    const leadership = { term: () => term, leader: () => undefined, onChange: () => () => undefined };
    const log = pino({ level: 'silent' });
    const people = openPeople({ cluster: client, leadership, stateFolder: folder, records, log });
    closers.push(people.close, shared.close, () => client.close());
  });

  afterAll(async () => {
    for (const close of closers) await close();
    await rm(folder, { recursive: true });
    await kube.close();
    await cluster.stop();
  });

  async function ask(as: User, name: string, signerName: string, request?: string): Promise<void> {
    const spec = {
      ...{ signerName, usages: ['digital signature', 'client auth'], expirationSeconds: 3_600 },
      request: Buffer.from(request ?? (await requestOf('CN=somebody-else'))).toString('base64'),
    };
    const object = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec,
    };
    const { code, stderr } = await kube.kubectl(['create', '-f', '-'], { as, input: JSON.stringify(object) });
    if (code !== 0) throw new Error(stderr);
  }

  interface Told {
    readonly certificate?: string;
    readonly conditions?: readonly { readonly type: string; readonly message: string }[];
  }

  async function told(name: string): Promise<Told> {
    const { body } = await kube.request('GET', `/apis/certificates.k8s.io/v1/certificatesigningrequests/${name}`);
    return (body as { status: Told }).status;
  }

  const denied = (name: string) =>
    expect.poll(async () => (await told(name)).conditions?.[0], { timeout: longMs, interval: 200 });

  test('whom RBAC lets use a role gets a certificate of it, under the name of the user and no other', async () => {
    await ask(ana, 'ana', 'coffre.dev/shop.game-master');
    await expect.poll(async () => (await told('ana')).certificate, { timeout: longMs }).toBeTypeOf('string');
    const pem = Buffer.from((await told('ana')).certificate ?? '', 'base64').toString();
    const [leaf = ''] = pem.split(/(?<=-----END CERTIFICATE-----)/);
    const certificate = new X509Certificate(leaf);
    const name = personNameOf('Ana@example.com');
    expect(name).toMatch(/^ana-example\.com\.[0-9a-f]{12}$/);
    expect(certificate.subjectAltName).toBe(`URI:spiffe://mesh.test/people/game-master/tenant/shop/${name}`);
    expect(certificate.verify(new X509Certificate(anchorPem).publicKey)).toBe(true);
    const lifeMs = Date.parse(certificate.validTo) - Date.now();
    expect(lifeMs).toBeLessThan(3_600_001);
  });

  test('whom RBAC does not is told what is missing, in another tenant and for the whole mesh as well', async () => {
    await ask(eve, 'eve', 'coffre.dev/shop.game-master');
    await denied('eve').toMatchObject({
      type: 'Denied',
      message: '`eve` may not `use` `doorroles.coffre.dev/game-master` in `shop`',
    });
    await ask(ana, 'ana-elsewhere', 'coffre.dev/bank.game-master');
    await denied('ana-elsewhere').toMatchObject({ type: 'Denied' });
    await ask(ana, 'ana-everywhere', 'coffre.dev/game-master');
    await denied('ana-everywhere').toMatchObject({ type: 'Denied' });
    await ask(ana, 'ana-more', 'coffre.dev/shop.operator');
    await denied('ana-more').toMatchObject({ type: 'Denied' });
  });

  test('what is no request of whoever holds its key is denied', async () => {
    await expect(ask(ana, 'forged', 'coffre.dev/shop.game-master', await forgedRequest())).rejects.toThrow(
      'spec.request',
    );
    await ask(ana, 'weak', 'coffre.dev/shop.game-master', await requestOf('CN=x', 'P-384'));
    await denied('weak').toMatchObject({ type: 'Denied', message: expect.stringContaining('must be P-256') });
  });

  test('hundreds of requests to other signers hide none of ours', async () => {
    const request = Buffer.from(await requestOf('CN=kubelet')).toString('base64');
    const others = Array.from({ length: 520 }, (_, index) => ({
      ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' },
      metadata: { name: `a-${String(index).padStart(3, '0')}` },
      spec: { signerName: 'other.example/any', usages: ['client auth'], request },
    }));
    const made = await Promise.all(
      others.map((each) => kube.request('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', each)),
    );
    expect(made.filter(({ status }) => status !== 201)).toEqual([]);
    await ask(ana, 'z-behind-them-all', 'coffre.dev/shop.game-master');
    const certificate = async () => (await told('z-behind-them-all')).certificate;
    await expect.poll(certificate, { timeout: longMs }).toBeTypeOf('string');
  });

  test('a replica that does not lead answers nobody', async () => {
    term = undefined;
    await ask(ana, 'later', 'coffre.dev/shop.game-master');
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(await told('later')).toEqual({});
    term = 2;
    await expect.poll(async () => (await told('later')).certificate, { timeout: longMs }).toBeTypeOf('string');
  });
});

async function requestOf(name: string, namedCurve = 'P-256'): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve, hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    { name, keys, signingAlgorithm: algorithm },
    webcrypto,
  );
  return request.toString('pem');
}

/** Well formed, and its signature is not its key's: the last byte is another. */
async function forgedRequest(): Promise<string> {
  const der = Buffer.from(new x509.Pkcs10CertificateRequest(await requestOf('CN=x')).rawData);
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  return x509.PemConverter.encode(der, 'CERTIFICATE REQUEST');
}
