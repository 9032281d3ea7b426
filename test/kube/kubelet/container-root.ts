/**
 * The file system of one container, made in a mount namespace of its own: system and image read only, volumes where the
 * spec mounts them, and nothing else that could be written where the spec forbids it.
 *
 *   nsenter --net ─▶ unshare --mount ─▶ sh: tmpfs, binds ─▶ chroot ─▶ setpriv: user, capabilities ─▶ the program
 *
 * Each step replaces the one before it, so the pid that was spawned is the program's own.
 * Processes are not hidden from each other: what a container could do to another by a signal is not proven here.
 */
import { labPath } from '../../../src/lab/lab-path.ts';
import { type Bind, imagePrograms } from './image.ts';

export interface RootOf {
  /** Empty folder of the machine, on which it is mounted. */
  readonly folder: string;
  readonly binds: readonly Bind[];
  readonly isReadOnly: boolean;
  readonly workingDir: string;
  readonly user: number;
  readonly group: number;
  /** Names as Kubernetes writes them, such as `NET_ADMIN`. */
  readonly capabilities: readonly string[];
}

export const containerPath = `${imagePrograms}:${labPath}`;

/** What the machine's own programs need, of what is under /etc. */
const etc = ['alternatives', 'group', 'ld.so.cache', 'nsswitch.conf', 'passwd', 'protocols', 'services', 'ssl'];

/** @returns the argv of `argv` in there. */
export function inRoot(root: RootOf, argv: readonly string[]): readonly string[] {
  return ['unshare', '--mount', '--', 'sh', '-c', scriptOf(root), 'container', ...argv];
}

/** @returns the argv of `argv` beside a process that is in there already, with the same rights. */
export function besideIn(pid: number, root: RootOf, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--target=${pid}`, '--mount', '--net', '--root', '--wd', '--', ...asUser(root), ...argv];
}

function scriptOf(root: RootOf): string {
  const at = (path: string) => quote(`${root.folder}${path}`);
  const lines = [
    'set -e',
    `mount -t tmpfs -o mode=0755 tmpfs ${at('')}`,
    `cd ${at('')}`,
    'mkdir usr etc proc dev run var tmp opt',
    'chmod 1777 tmp',
    'ln -s ../run var/run',
    'for name in bin sbin lib lib64; do ln -s usr/$name $name; done',
    'mount --bind -o ro /usr usr',
    'mount --rbind /proc proc',
    'mount --rbind /dev dev',
    `for name in ${etc.join(' ')}; do`,
    '  [ -e /etc/$name ] || continue',
    '  if [ -d /etc/$name ]; then mkdir etc/$name; else touch etc/$name; fi',
    '  mount --bind -o ro /etc/$name etc/$name',
    'done',
    ...root.binds.flatMap(({ from, to, isReadOnly }) => {
      const target = quote(to.replace(/^\/var\/run\//, '/run/').slice(1));
      return [
        `if [ -d ${quote(from)} ]; then mkdir -p ${target}; else mkdir -p "$(dirname ${target})"; touch ${target}; fi`,
        `mount --bind ${isReadOnly ? '-o ro ' : ''}${quote(from)} ${target}`,
      ];
    }),
    ...(root.isReadOnly ? ['mount -o remount,ro,mode=0755 .'] : []),
    `exec chroot . env --chdir=${quote(root.workingDir)} ${asUser(root).join(' ')} "$@"`,
  ];
  return lines.join('\n');
}

/** The kernel ends it with us, even where nobody comes to stop it. */
function asUser({ user, group, capabilities }: RootOf): readonly string[] {
  const bounding = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
  return [
    'setpriv',
    '--pdeathsig=KILL',
    `--reuid=${user}`,
    `--regid=${group}`,
    '--clear-groups',
    `--bounding-set=${bounding}`,
    '--inh-caps=-all',
    '--no-new-privs',
    '--',
  ];
}

function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
