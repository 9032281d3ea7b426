/**
 * Folders into an OCI layout, by umoci: no daemon, no registry. The same folders make the same image, byte for byte.
 *
 *   layers ──same time on every file──▶ umoci insert, one layer each ──umoci config──▶ layout:tag
 */
import { execFile } from 'node:child_process';
import { lutimes, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Image } from './image.ts';

const run = promisify(execFile);

export interface Packed {
  /** Of the manifest: what a reference by digest names. */
  readonly digest: string;
  /** As it is pulled, in bytes: config and compressed layers. */
  readonly bytes: number;
  readonly layers: readonly { readonly name: string; readonly bytes: number }[];
}

/** @param createdMs what the image says of its age, and every file in it. */
export async function pack(layout: string, tag: string, image: Image, createdMs: number): Promise<Packed> {
  const reference = `${layout}:${tag}`;
  const created = new Date(createdMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const history = (what: string) => [`--history.created=${created}`, `--history.created_by=coffre: ${what}`];
  await umoci('new', '--image', reference);
  for (const { name, folder } of image.layers) {
    await settle(folder, createdMs);
    await umoci('insert', '--image', reference, ...history(name), folder, '/');
  }
  await umoci(
    ...['config', '--image', reference, '--no-history'],
    ...[`--created=${created}`, '--architecture=amd64', '--os=linux'],
    ...[`--config.user=${image.user}`, `--config.workingdir=${image.workingFolder}`],
    ...image.entrypoint.map((word) => `--config.entrypoint=${word}`),
    ...['--config.env=PATH=/usr/sbin:/usr/bin', `--config.label=org.opencontainers.image.title=${image.name}`],
  );
  return measure(layout, tag, image);
}

async function umoci(...args: readonly string[]): Promise<void> {
  await run('umoci', args);
}

/** What is in a folder last, so that nothing in it makes it younger again. */
async function settle(path: string, atMs: number): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) await settle(inside, atMs);
    else await lutimes(inside, atMs / 1_000, atMs / 1_000);
  }
  await lutimes(path, atMs / 1_000, atMs / 1_000);
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function measure(layout: string, tag: string, image: Image): Promise<Packed> {
  const { manifests } = await readJson<{ readonly manifests: readonly Descriptor[] }>(join(layout, 'index.json'));
  const named = manifests.find(({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag);
  if (named === undefined) throw new Error(`umoci left no image \`${tag}\` in ${layout}`);
  type Manifest = { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
  const { config, layers } = await readJson<Manifest>(blobOf(layout, named.digest));
  const sizes = layers.map(({ size }, index) => ({ name: image.layers[index]?.name ?? '', bytes: size }));
  const manifestBytes = (await stat(blobOf(layout, named.digest))).size;
  const bytes = sizes.reduce((total, layer) => total + layer.bytes, config.size + manifestBytes);
  return { digest: named.digest, bytes, layers: sizes };
}

function blobOf(layout: string, digest: string): string {
  return join(layout, 'blobs', ...digest.split(':'));
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}
