/** Which kind of lab this machine can run, tried rather than guessed; the answer says what is missing and how to mend it. */
import { spawnSync } from 'node:child_process';
import { labPath } from './lab-path.ts';

export type LabMode = 'root' | 'user-namespace';

export type LabSupport =
  | { readonly kind: LabMode }
  | { readonly kind: 'none'; readonly why: string; readonly cure: string };

/** Programs of the lab, and the Debian packages that bring them. */
const tools: Readonly<Record<string, string>> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  ip: 'iproute2',
  'iptables-restore': 'iptables',
  'ip6tables-restore': 'iptables',
  tcpdump: 'tcpdump',
  python3: 'python3',
};

/** Longest trial, in ms. It takes about 30 ms. */
const trialMs = 10_000;

const trial =
  'mount -t tmpfs tmpfs /run && ip link add trial type bridge && printf "*nat\\nCOMMIT\\n" | iptables-restore';

/** The command that makes a lab's namespaces around another; its end is theirs. */
export function unshareArgv(mode: LabMode): readonly [string, ...string[]] {
  const user = mode === 'root' ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...user, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
}

/** @param modes to try, in this order; default: all that this user may hope for. */
export function labSupport(modes: readonly LabMode[] = ownModes()): LabSupport {
  const missing = Object.keys(tools).filter((tool) => inLabPath(`command -v ${tool}`).status !== 0);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((tool) => tools[tool]))].join(' ');
    return { kind: 'none', why: `there is no ${missing.join(', ')}`, cure: `install ${packages}` };
  }
  const complaints: string[] = [];
  for (const mode of modes) {
    const tried = inLabPath([...unshareArgv(mode), 'sh', '-c', `'${trial}'`].join(' '));
    if (tried.status === 0) return { kind: mode };
    complaints.push(`${mode}: ${tried.stderr.trim()}`);
  }
  return {
    kind: 'none',
    why: `namespaces are refused (${complaints.join('; ')})`,
    cure: 'run as root, or allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1',
  };
}

function ownModes(): readonly LabMode[] {
  return process.getuid?.() === 0 ? ['root', 'user-namespace'] : ['user-namespace'];
}

function inLabPath(script: string) {
  return spawnSync('/bin/sh', ['-c', script], { env: { PATH: labPath }, encoding: 'utf8', timeout: trialMs });
}
