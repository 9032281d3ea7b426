/**
 * Images of the tests: each a program of this machine, by the name that its reference ends with.
 *
 *   registry.example/envoy@sha256:… ──▶ the cached Envoy        registry.example/coffre:1 ──▶ Node with this checkout
 */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

export interface Image {
  /** What runs where a pod names no command; its `args` come after it. */
  readonly entrypoint: readonly string[];
  /** Folder or file of the machine, and where it is in the container; read only. */
  readonly binds: readonly Bind[];
  /** Where a pod names none. */
  readonly user: number;
  readonly workingDir: string;
}

export interface Bind {
  readonly from: string;
  readonly to: string;
  readonly isReadOnly: boolean;
}

/** In the PATH of every container. */
export const imagePrograms = '/opt/image/bin';

const checkout = resolve(import.meta.dirname, '../../..');
/** As distroless images have it. */
const nobody = 65_532;

/** Where the image has the sources. */
const sourcePath = '/coffre';

const source = { from: checkout, to: sourcePath, isReadOnly: true } as const;
const node = { from: process.execPath, to: join(imagePrograms, 'node'), isReadOnly: true } as const;
const program = (...script: readonly string[]): Image => ({
  entrypoint: ['node', ...script],
  binds: [source, node],
  user: nobody,
  workingDir: sourcePath,
});

const images: Readonly<Record<string, Image>> = {
  envoy: {
    entrypoint: ['envoy'],
    binds: [
      {
        from: join(checkout, '.cache/envoy/envoy/_bin/envoy'),
        to: join(imagePrograms, 'envoy'),
        isReadOnly: true,
      },
    ],
    user: nobody,
    workingDir: '/',
  },
  'coffre-redirect': { entrypoint: ['sh'], binds: [], user: 0, workingDir: '/' },
  /** Control plane and worker: `args: [src/main.ts, …]`. */
  coffre: program(),
  /** Answers what it is asked: `args: [--listen, http:8080]`. */
  'lab-app': program('src/lab/app.ts'),
  /** Asks a URL without a pause, on a kept connection and on new ones: `args: [URL, PERIOD_MS]`. */
  'lab-traffic': program('test/e2e/steady-traffic.ts'),
  /** Does nothing until somebody asks something of it. */
  'lab-idle': { entrypoint: ['sleep', 'infinity'], binds: [], user: nobody, workingDir: '/' },
};

/** @throws for a reference to an image that is not one of those above. */
export function imageOf(reference: string): Image {
  const name = /([^/:@]+)(?::[^/@]*)?(?:@[^/]*)?$/.exec(reference)?.[1] ?? '';
  const image = images[name];
  if (image === undefined) throw new Error(`no image of the tests is called \`${reference}\``);
  return image;
}

/** As a runtime tells it: the repository and what its content hashes to. */
export function imageIdOf(reference: string): string {
  if (reference.includes('@')) return reference;
  const repository = reference.replace(/:[^/:]*$/, '');
  return `${repository}@sha256:${createHash('sha256').update(reference).digest('hex')}`;
}
