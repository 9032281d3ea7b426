/**
 * The image of the redirecting init container: a shell, `iptables-restore`, `ip6tables-restore`, and nothing else.
 *
 * It is the only image that runs as root, in a container that ends before any other of its pod begins.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from './image.ts';
import { laySystem } from './system-files.ts';

/** One program under two names: it looks at which it was called by. */
const nft = '/usr/sbin/xtables-nft-multi';
/** Where iptables keeps what understands `-m owner` and the like, by the architecture's name of its libraries. */
const extensions = { x64: '/usr/lib/x86_64-linux-gnu/xtables', arm64: '/usr/lib/aarch64-linux-gnu/xtables' } as const;

/** @param work an empty folder, which the image's layers lie in until they are packed. */
export async function buildRedirect(work: string): Promise<Image> {
  const folder = process.arch === 'arm64' ? extensions.arm64 : extensions.x64;
  const names = (await readdir(folder)).filter((name) => name.endsWith('.so')).sort();
  const components = await laySystem(work, [
    { from: '/usr/bin/dash', to: '/usr/bin/sh' },
    { from: nft, to: '/usr/sbin/iptables-restore' },
    { from: nft, to: '/usr/sbin/ip6tables-restore' },
    ...names.map((name) => ({ from: join(folder, name), to: join(folder, name) })),
  ]);
  return {
    name: 'coffre-redirect',
    layers: [{ name: 'iptables', folder: work }],
    ...{ user: '0:0', entrypoint: ['/bin/sh'], workingFolder: '/', components },
  };
}
