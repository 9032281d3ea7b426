/**
 * The argv that puts a process where it belongs: into a pod's network, with the pod's names, without power.
 *
 *   nsenter --net ─▶ unshare --mount ─▶ sh: bind hosts, resolv.conf; cover private/ ─▶ setpriv ─▶ the program
 *
 * Each step replaces the one before it (exec), so the pid that was spawned is the program's own.
 * A confined process has no capability and can get none: it can neither mark a socket, nor open a raw one, nor enter
 * another namespace, and where the lab keeps what belongs to sidecars it sees an empty directory.
 * It still shares the lab's user id, so it may send signals to the processes beside it.
 */

/** Files of one pod that its processes find under /etc. */
export interface PodPlace {
  readonly netns: string;
  readonly hostsPath: string;
  readonly resolvPath: string;
}

export interface Entry {
  /** Absent: the network of the lab's bridge. */
  readonly pod?: PodPlace;
  readonly confined: boolean;
  readonly privateDir: string;
}

export function enter(entry: Entry, argv: readonly string[]): readonly string[] {
  const program = entry.confined ? [...withoutPower, ...argv] : argv;
  const mounts = [
    ...(entry.pod ? [bind(entry.pod.hostsPath, '/etc/hosts'), bind(entry.pod.resolvPath, '/etc/resolv.conf')] : []),
    ...(entry.confined ? [`mount -t tmpfs -o ro,mode=0755 tmpfs ${quote(entry.privateDir)}`] : []),
  ];
  const own = mounts.length === 0 ? [] : ['unshare', '--mount', '--', 'sh', '-c', script(mounts), 'enter'];
  return [...(entry.pod ? ['nsenter', `--net=/run/netns/${entry.pod.netns}`, '--'] : []), ...own, ...program];
}

const withoutPower = [
  'setpriv',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--ambient-caps=-all',
  '--no-new-privs',
  '--',
] as const;

/** A mount that fails ends the process before the program begins. */
function script(mounts: readonly string[]): string {
  return `${mounts.join(' && ')} && exec "$@"`;
}

function bind(from: string, to: string): string {
  return `mount --bind ${quote(from)} ${to}`;
}

function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
