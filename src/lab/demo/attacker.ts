/**
 * What an attacker holds: a certificate in web's name by a CA of his own, and real leaves, stolen.
 *
 *   <lab>/attacker/  forged.pem, forged.key    atelier-web.pem, atelier-web.key    notaire-web.pem, notaire-web.key    marked-tls.py
 *
 * The leaves are the ones the sidecars serve: they come from a copy of the control plane's state, so that looking
 * changes nothing, and their serial numbers are compared with what each sidecar says it holds.
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { proxyMark } from '../../envoy/redirect.ts';
import { openAuthority } from '../../identity/open-authority.io.ts';
import { systemPorts } from '../../identity/system-ports.io.ts';
import type { MeshLab } from '../mesh-lab.ts';
import { identities, trustDomain } from './addresses.ts';
import { NotShown } from './check.ts';

const stolen = [
  { file: 'atelier-web', pod: 'atelier/web-1', spiffeId: identities.atelierWeb },
  { file: 'notaire-web', pod: 'notaire/web-1', spiffeId: identities.notaireWeb },
] as const;

const leafLifetimeMs = 24 * 3_600_000;

/** @param folder made here; readable to every process of the lab. */
export async function equipAttacker(mesh: MeshLab, folder: string): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'marked-tls.py'), markedTls);
  await Promise.all([forgeCertificate(folder), stealLeaves(mesh, folder)]);
}

/** Self-signed, in the very name that api's policy lets in. */
async function forgeCertificate(folder: string): Promise<void> {
  const argv = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
    ...['-subj', '/CN=web', '-addext', `subjectAltName=URI:${identities.atelierWeb}`],
    ...['-keyout', join(folder, 'forged.key'), '-out', join(folder, 'forged.pem')],
  ];
  await promisify(execFile)('openssl', argv).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new NotShown('there is no `openssl` on this machine; install openssl') : error;
  });
}

async function stealLeaves(mesh: MeshLab, folder: string): Promise<void> {
  const copy = join(mesh.lab.privateDir, 'state-copy');
  cpSync(join(mesh.lab.privateDir, 'state'), copy, { recursive: true });
  const authority = await openAuthority({ stateFolder: copy, trustDomain, ports: systemPorts });
  await authority.ensure({ tenants: [], spiffeIds: stolen.map(({ spiffeId }) => spiffeId), leafLifetimeMs });
  rmSync(copy, { recursive: true });
  for (const { file, pod, spiffeId } of stolen) {
    const leaf = authority.leaf(spiffeId);
    if (leaf === undefined) throw new Error(`the copied state has no leaf for \`${spiffeId}\``);
    const serial = new X509Certificate(leaf.certificateChainPem).serialNumber.toLowerCase();
    const served = (await mesh.sidecar(pod).admin('/certs')).toLowerCase();
    if (!served.includes(`"${serial}"`))
      throw new Error(`the leaf of \`${spiffeId}\` is not the one \`${pod}\` serves`);
    writeFileSync(join(folder, `${file}.pem`), leaf.certificateChainPem, { mode: 0o600 });
    writeFileSync(join(folder, `${file}.key`), leaf.privateKeyPem.reveal(), { mode: 0o600 });
  }
}

/**
 * A TLS client past the pod's own sidecar: it sets the sidecar's mark, which takes a capability no application has.
 * On loopback there is no interception to get past. Prints how the handshake went and how many bytes came back. 36 is SO_MARK (asm-generic/socket.h).
 */
const markedTls = `import json, socket, ssl, sys
folder, leaf, address, port, sni, path = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.load_cert_chain(f'{folder}/{leaf}.pem', f'{folder}/{leaf}.key')
said = {'tcp': False, 'bytes': 0, 'first': '', 'end': 'closed'}
try:
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if not address.startswith('127.'):
        plain.setsockopt(socket.SOL_SOCKET, 36, ${proxyMark})
    plain.settimeout(5)
    plain.connect((address, int(port)))
    said['tcp'] = True
    with context.wrap_socket(plain, server_hostname=sni) as tls:
        tls.sendall(f'GET {path} HTTP/1.1\\r\\nHost: api\\r\\nConnection: close\\r\\n\\r\\n'.encode())
        while chunk := tls.recv(65536):
            said['first'] = said['first'] or chunk.decode(errors='replace').split('\\r\\n')[0]
            said['bytes'] += len(chunk)
except OSError as error:
    said['end'] = getattr(error, 'reason', None) or type(error).__name__
print(json.dumps(said))
`;
