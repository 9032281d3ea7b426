/**
 * What one sidecar needs to start, taken from where the control plane keeps it and put where the sidecar will run.
 *
 *   WORKLOADS/<workload>/{bootstrap.json, *.sds.json, secrets/*, hosts} ──read──▶ ProxyFolder ──relocate──▶ OUT/…
 *
 * The files name each other by absolute paths. Relocation replaces the one folder by the other in every string of their
 * JSON, so what arrives is what the control plane wrote, word for word, elsewhere.
 * Written secrets first and by rename, so that a running Envoy sees the new token as one move.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno, makePrivateFolder, writeIfDifferent } from '../identity/atomic-file.io.ts';
import { isWorkloadKey } from '../identity/token-claims.ts';

/** In the order in which they are written. */
const fileNames = [
  'secrets/root.crt',
  'secrets/token',
  'mesh-root.sds.json',
  'token.sds.json',
  'bootstrap.json',
  'hosts',
] as const;

export interface ProxyFolder {
  readonly workload: string;
  /** Absolute path that the files speak of. */
  readonly folder: string;
  readonly files: Readonly<Record<(typeof fileNames)[number], string>>;
}

export interface Relocation {
  /** Absolute. */
  readonly folder: string;
  /** Where the control plane is reached from there; absent: as the control plane itself says. */
  readonly controlPlane?: { readonly address: string; readonly port: number };
}

/** @param workloads folder of all workloads. @returns undefined for a workload that has no folder, or is no workload. */
export async function readProxyFolder(workloads: string, workload: string): Promise<ProxyFolder | undefined> {
  if (!isWorkloadKey(workload)) return undefined;
  const folder = join(workloads, workload);
  try {
    const read = (name: string) => readFile(join(folder, name), 'utf8');
    const files: ProxyFolder['files'] = {
      'secrets/root.crt': await read('secrets/root.crt'),
      'secrets/token': await read('secrets/token'),
      'mesh-root.sds.json': await read('mesh-root.sds.json'),
      'token.sds.json': await read('token.sds.json'),
      'bootstrap.json': await read('bootstrap.json'),
      hosts: await read('hosts'),
    };
    return { workload, folder, files };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export function relocate({ workload, folder, files }: ProxyFolder, to: Relocation): ProxyFolder {
  const moved = Object.entries(files).map(([name, text]) => {
    if (!name.endsWith('.json')) return [name, text];
    return [name, `${JSON.stringify(rewrite(JSON.parse(text), folder, to), null, 2)}\n`];
  });
  return { workload, folder: to.folder, files: Object.fromEntries(moved) };
}

/** Files that did not change are left alone, so that Envoy rereads nothing for them. */
export async function writeProxyFolder({ folder, files }: ProxyFolder): Promise<void> {
  await makePrivateFolder(join(folder, 'secrets'));
  for (const name of fileNames) {
    await writeIfDifferent(join(folder, name), files[name]);
  }
}

/** @returns the lines that the application's own hosts file is to have, `ADDRESS NAME` each. */
export function hostsLines({ files }: ProxyFolder): readonly string[] {
  return files.hosts.split('\n').filter((line) => line !== '');
}

/** @returns epoch ms at which the token ends: read, not verified. Undefined where it cannot be read. */
export function tokenEndMs({ files }: ProxyFolder): number | undefined {
  try {
    const [, payload = ''] = files['secrets/token'].split('.');
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}

function rewrite(value: unknown, from: string, to: Relocation): unknown {
  if (typeof value === 'string')
    return value === from || value.startsWith(`${from}/`) ? to.folder + value.slice(from.length) : value;
  if (Array.isArray(value)) return value.map((each) => rewrite(each, from, to));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      // The only socket address of a bootstrap is that of the control plane.
      if (key === 'socketAddress' && to.controlPlane !== undefined) {
        return [key, { address: to.controlPlane.address, portValue: to.controlPlane.port }];
      }
      return [key, rewrite(member, from, to)];
    }),
  );
}
