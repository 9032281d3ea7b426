/**
 * The world outside the mesh, played on the lab's host: three names, one server, and one certificate for one of them.
 *
 *   cadastre.example, archive.example, notary.example ──lab's DNS──▶ 203.0.113.10:8443, TLS as `cadastre.example`
 *
 * atelier's Tenant declares the first two; the demo adds the certificate to believe, which exists only once it runs.
 * The surprise: on loopback nobody may bind the port of DNS, so there the mesh declares no way out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { startApp } from '../app-process.ts';
import type { Lab } from '../lab.ts';
import { hostPlace } from '../protocol.ts';
import type { Watched } from './demo-context.ts';
import { selfSigned } from './self-signed.ts';

/** Of a documentation range (RFC 5737), public as far as any rule knows. */
const outsideAddress = '203.0.113.10';
export const outsidePort = 8_443;
/** The certificate is for the first; the last is declared by nobody. */
export const outsideNames = {
  declared: 'cadastre.example',
  impostor: 'archive.example',
  undeclared: 'notary.example',
} as const;

/** Longest wait for the resolver, and for an address, in ms. */
const startMs = 10_000;

/** @param folder the live mesh, before the control plane reads it. @returns undefined where this machine cannot play it. */
export async function startOutsideWorld(lab: Lab, folder: string): Promise<Watched | undefined> {
  const tenant = join(folder, 'atelier', 'tenant.yaml');
  const tls = lab.mode === 'loopback' ? undefined : await selfSigned(lab.dir, 'outside', [outsideNames.declared]);
  if (tls === undefined) {
    editTenant(tenant, undefined);
    return undefined;
  }
  editTenant(tenant, readFileSync(tls.certPath, 'utf8'));
  const argv = ['ip', 'addr', 'add', `${outsideAddress}/32`, 'dev', 'lo'];
  const added = await lab.run({ in: hostPlace, argv, confined: false, timeoutMs: startMs });
  if (added.code !== 0) throw new Error(`the outside has no address: ${added.stderr.trim()}`);
  const listen = [`https:${outsidePort}`];
  const [app] = await Promise.all([
    startApp(lab, hostPlace, { service: 'outside', host: outsideAddress, listen, tls }),
    startResolver(lab),
  ]);
  return { key: hostPlace, app, appAddress: outsideAddress, port: outsidePort };
}

/** Every way out believes this certificate; without one there is none. */
function editTenant(path: string, caBundle: string | undefined): void {
  const tenant = parseDocument(readFileSync(path, 'utf8'));
  const { spec } = tenant.toJS() as { spec: { egress: readonly unknown[] } };
  if (caBundle === undefined) tenant.deleteIn(['spec', 'egress']);
  else for (const index of spec.egress.keys()) tenant.setIn(['spec', 'egress', index, 'caBundle'], caBundle);
  writeFileSync(path, String(tenant));
}

async function startResolver(lab: Lab): Promise<void> {
  const table = join(lab.dir, 'names.json');
  const entries = Object.values(outsideNames).map((name) => [name, [outsideAddress]]);
  writeFileSync(table, JSON.stringify(Object.fromEntries(entries)));
  const script = fileURLToPath(new URL('../dns.ts', import.meta.url));
  const argv = [process.execPath, script, '--address', lab.host.ipv4, '--table', table];
  const dns = await lab.spawn({ in: hostPlace, argv, confined: false, name: 'dns' });
  await dns.waitForLine(/^ready$/, startMs);
}
