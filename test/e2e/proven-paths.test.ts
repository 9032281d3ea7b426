/**
 * What is proven, tried on real Envoys: a path that is found is walked with its own example, and where none is, a caller
 * with his real certificate tries every door past his sidecar and hears nothing.
 *
 *   atelier   web ─▶ api          notaire   web ─▶ api by a grant, for /documents/* alone
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileMesh } from '../../src/cli/read-mesh.ts';
import { loadFolder } from '../../src/folder/watch-folder.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { MeshReading } from '../../src/proof/mesh-reading.ts';
import { partyOf } from '../../src/proof/party.ts';
import { type Proof, prove } from '../../src/proof/prove.ts';
import { labTestMs } from '../lab/each-mode.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';

const port = 8_080;
/** Longest silence that counts as no answer, in ms. */
const silenceMs = 2_000;

const tenant = (name: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: prod }
`;

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: documents, namespace: atelier }
spec: { from: { tenant: notaire, serviceAccounts: [web] }, to: { service: api, methods: [PUT], paths: [/documents/*] }, reason: files documents }
`;

const pod = (namespace: string, account: string, address: string) =>
  podText({ namespace, name: `${account}-0`, account, addresses: [address], ports: [port] });

const files = {
  'tenants.yaml': documents(tenant('atelier'), tenant('notaire'), tenant('greffe')),
  'pods.yaml': documents(
    pod('atelier', 'api', '10.99.1.2'),
    pod('atelier', 'web', '10.99.1.1'),
    pod('notaire', 'web', '10.99.2.1'),
    pod('greffe', 'web', '10.99.3.1'),
  ),
  'services.yaml': serviceText('atelier', 'api', '10.96.1.2', 'api', `name: http, port: 80, targetPort: ${port}`),
  'grant.yaml': grant,
};

describe('proofs over a mesh of real Envoys', { timeout: labTestMs }, () => {
  let mesh: MeshLab;
  const folder = meshFolder(files);
  beforeAll(async () => {
    mesh = await MeshLab.start({ mode: 'loopback', folder });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const proofOf = async (from: string): Promise<Proof> => {
    const { objects } = await loadFolder(mesh.folder);
    const snapshot = buildSnapshot(objects);
    const party = (word: string) => {
      const result = partyOf(snapshot, word);
      if (result.kind === 'nobody') throw new Error(result.message);
      return result.party;
    };
    const question = { from: party(from), to: party('atelier/api'), compromised: true, hopsMax: 8 };
    return prove(new MeshReading(compileMesh(snapshot, Date.now())), question);
  };
  const app = () => mesh.pod('atelier/api-0').app;

  test.each(['atelier', 'notaire'])('the path that is found from %s is one', async (from) => {
    const proof = await proofOf(from);
    if (proof.kind !== 'path') throw new Error(`there is no path: ${JSON.stringify(proof)}`);
    const [link, ...more] = proof.links;
    expect(more).toEqual([]);
    if (link?.entry.kind !== 'admitted') throw new Error('the path has no example');
    const { connection, request } = link.entry.way;
    if (request === undefined || connection.peer.kind !== 'named') throw new Error('the example is no request');
    const before = app().requests().length;
    const line = `${request.method} ${request.path} HTTP/1.1\r\nHost: ${request.host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    const { address, sni = '' } = connection;
    const answer = await dial(await leafOf(mesh, connection.peer.spiffeId), { address, sni, line });
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(app().requests().length).toBe(before + 1);
  });

  test('where no path is found, a real certificate opens none, whatever tenant it names', async () => {
    const proof = await proofOf('greffe');
    expect(proof.kind).toBe('no-path');
    const [address = ''] = mesh.pod('atelier/api-0').addresses;
    const leaf = await leafOf(mesh, `spiffe://${trustDomain}/ns/greffe/sa/web`);
    const before = app().sightings().length;
    for (const named of ['atelier', 'notaire', 'greffe']) {
      for (const asked of ['PUT /documents/', 'GET /']) {
        const line = `${asked} HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
        expect(await dial(leaf, { address, sni: `${named}.mesh.coffre`, line })).toBe('');
      }
    }
    expect(app().sightings().length).toBe(before);
  });
});

interface Leaf {
  readonly cert: string;
  readonly key: string;
}

/** @returns what was answered before the end, the refusal or the silence. */
function dial(
  { cert, key }: Leaf,
  { address, sni, line }: Record<'address' | 'sni' | 'line', string>,
): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(
      { host: address, port, servername: sni, cert, key, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
      () => socket.write(line),
    );
    socket.setTimeout(silenceMs, () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
    });
    // A refused certificate is an error here; that nothing was heard is what counts.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(heard));
  });
}

/** The real leaf and key of a workload, out of a copy of the state folder, as a thief would have them. */
async function leafOf(mesh: MeshLab, spiffeId: string): Promise<Leaf> {
  const copy = join(mesh.lab.privateDir, `state-of-${spiffeId.split('/').join('-')}`);
  cpSync(mesh.stateFolder, copy, { recursive: true });
  const authority = await openAuthority({ stateFolder: copy, trustDomain, ports: systemPorts });
  await authority.ensure({ tenants: [], spiffeIds: [spiffeId], leafLifetimeMs: 24 * 3_600_000 });
  const leaf = authority.leaf(spiffeId);
  if (leaf === undefined) throw new Error(`the copied state has no leaf for \`${spiffeId}\``);
  return { cert: leaf.certificateChainPem, key: leaf.privateKeyPem.reveal() };
}
