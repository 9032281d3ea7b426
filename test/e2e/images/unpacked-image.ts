/**
 * An image as a container would have it: its files as umoci unpacks them, mounted read-only in a mount namespace of its
 * own, and a program of it with no more capabilities than are named.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Unpacked {
  /** Of the image's files, on this machine. */
  readonly root: string;
  readonly user: number;
  readonly group: number;
  readonly entrypoint: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
}

export interface Container {
  /** What lies over folders of the image: a folder of this machine, read-only, or new memory. */
  readonly mounts?: Readonly<Record<string, { readonly folder: string } | 'memory'>>;
  /** Beside those that it takes to change root and user. */
  readonly capabilities?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Name of the network namespace; absent: this one. */
  readonly network?: string;
}

/** @param layout in which the image is named `name`. @param folder that does not exist. */
export async function unpackImage(layout: string, name: string, folder: string): Promise<Unpacked> {
  await run('umoci', ['unpack', '--image', `${layout}:${name}`, folder]);
  const bundle: Bundle = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  const { user, args, env } = bundle.process;
  return { root: join(folder, 'rootfs'), user: user.uid, group: user.gid, entrypoint: args, env };
}

/** Of the OCI runtime specification, as far as it is read. */
interface Bundle {
  readonly process: {
    readonly user: { readonly uid: number; readonly gid: number };
    readonly args: readonly string[];
    readonly env: readonly string[];
  };
}

/** @param args behind the entrypoint. The process group ends with the child that is returned. */
export function startContainer(image: Unpacked, args: readonly string[], container: Container): ChildProcess {
  const { root, user, group, entrypoint, env } = image;
  const { mounts = {}, capabilities = [], network } = container;
  const over = Object.entries(mounts).flatMap(([path, from]) =>
    from === 'memory'
      ? [`mount -t tmpfs -o uid=${user},gid=${group},mode=0700 tmpfs ${quoted(root + path)}`]
      : [
          `mount --bind ${quoted(from.folder)} ${quoted(root + path)}`,
          `mount -o remount,bind,ro ${quoted(root + path)}`,
        ],
  );
  const bounds = ['-all', ...[...capabilities, 'sys_chroot', 'setuid', 'setgid'].map((name) => `+${name}`)].join(',');
  const variables = [...env, ...Object.entries(container.env ?? {}).map(([key, value]) => `${key}=${value}`)];
  const words = [
    ...['env', '-i', ...variables],
    ...['/usr/bin/setpriv', '--no-new-privs', `--bounding-set=${bounds}`],
    ...['/usr/sbin/chroot', `--userspec=${user}:${group}`, `--groups=${group}`, root, ...entrypoint, ...args],
  ];
  const script = [
    ...['set -e', `mount --bind ${quoted(root)} ${quoted(root)}`, `mount -o remount,bind,ro ${quoted(root)}`],
    ...[...over, `exec ${words.map(quoted).join(' ')}`],
  ].join('\n');
  const inNetwork = network === undefined ? [] : ['ip', 'netns', 'exec', network];
  const [program = '', ...rest] = [...inNetwork, 'unshare', '--mount', 'bash', '-c', script];
  return spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
