/**
 * The tenants' identity providers, played on the lab's host: a name and a key for each tenant, and one server.
 *
 *   https://login.atelier.example:9443, https://login.notaire.example:9443 ──the host's names──▶ identity-provider.ts
 *
 * The mesh's folder names them, and asks for their tokens; the demo adds the server.
 * The surprise: on loopback nobody can play them, since a worker dials no loopback address, whoever names it; there the
 * mesh names no provider and no people.
 */
import { appendFileSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { labHost } from '../addresses.ts';
import type { Lab } from '../lab.ts';
import { hostPlace } from '../protocol.ts';
import { selfSigned } from './self-signed.ts';

export const demoTenants = ['atelier', 'notaire'] as const;
export type DemoTenant = (typeof demoTenants)[number];

const port = 9_443;
/** Whom the tokens are for, as the tenants ask. */
const audience = 'documents';
/** Longest wait for the server, for its names, and for a token, in ms. */
const patienceMs = 10_000;

export interface IdentityProviders {
  /** The certificate that workers must believe. */
  readonly caPath: string;
  /** A token that the tenant's provider gives to a person of this name. */
  tokenOf(tenant: DemoTenant, person: string): Promise<string>;
}

/** @param folder the live mesh, before the control plane reads it. @returns undefined where this machine cannot play them. */
export async function startIdentityProviders(lab: Lab, folder: string): Promise<IdentityProviders | undefined> {
  const tls = lab.mode === 'loopback' ? undefined : await selfSigned(lab.dir, 'login', demoTenants.map(hostOf));
  if (tls === undefined) {
    for (const tenant of demoTenants) withoutPeople(join(folder, tenant));
    return undefined;
  }
  await nameOnHost(lab);
  const script = fileURLToPath(new URL('../identity-provider.ts', import.meta.url));
  const server = await lab.spawn({
    in: hostPlace,
    argv: [
      ...[process.execPath, script, '--address', labHost.ipv4, '--port', String(port)],
      ...[
        '--cert',
        tls.certPath,
        '--key',
        tls.keyPath,
        ...demoTenants.flatMap((tenant) => ['--issuer', issuerOf(tenant)]),
      ],
    ],
    confined: false,
    name: 'login',
  });
  await server.waitForLine(/^ready$/, patienceMs);
  return { caPath: tls.certPath, tokenOf: (tenant, person) => tokenOf(lab, tls.certPath, tenant, person) };
}

function hostOf(tenant: DemoTenant): string {
  return `login.${tenant}.example`;
}

function issuerOf(tenant: DemoTenant): string {
  return `https://${hostOf(tenant)}:${port}`;
}

/** Where the worker looks names up: the lab's own view of /etc/hosts, which no other process of this machine sees. */
async function nameOnHost(lab: Lab): Promise<void> {
  const path = join(lab.dir, 'host-names');
  copyFileSync('/etc/hosts', path);
  appendFileSync(path, demoTenants.map((tenant) => `${labHost.ipv4} ${hostOf(tenant)}\n`).join(''));
  await onHost(lab, ['mount', '--bind', path, '/etc/hosts']);
}

async function tokenOf(lab: Lab, caPath: string, tenant: DemoTenant, person: string): Promise<string> {
  const form = [`username=${person}`, `audience=${audience}`].flatMap((field) => ['--data-urlencode', field]);
  const answer = await onHost(lab, ['curl', '-sS', '--fail', '--cacert', caPath, ...form, `${issuerOf(tenant)}/token`]);
  const { access_token: token }: { access_token?: string } = JSON.parse(answer);
  if (token === undefined) throw new Error(`\`${issuerOf(tenant)}\` gave no token`);
  return token;
}

async function onHost(lab: Lab, argv: readonly string[]): Promise<string> {
  const done = await lab.run({ in: hostPlace, argv, confined: false, timeoutMs: patienceMs });
  if (done.code !== 0) throw new Error(`\`${argv[0]}\` failed: ${done.stderr.trim()}`);
  return done.stdout;
}

function withoutPeople(folder: string): void {
  const path = join(folder, 'tenant.yaml');
  const tenant = parseDocument(readFileSync(path, 'utf8'));
  tenant.deleteIn(['spec', 'identityProviders']);
  writeFileSync(path, String(tenant));
  rmSync(join(folder, 'people.yaml'));
}
