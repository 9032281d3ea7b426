/**
 * What a lab's owner (or `cli.ts`) and its agent say to each other: one JSON value a line, over the agent's Unix socket.
 *
 *   client ──Request {id}──▶ agent ──Answer {id}──▶ client      Exit {pid} comes unasked, to whoever spawned it
 *
 * Both ends are ours and the socket is out of every application's reach, so lines are trusted and not validated again.
 */

/** Longest line, in bytes; a longer one ends the connection. Room for a large stdin, not for a flood. */
export const lineBytesMax = 4 * 1024 * 1024;

/** Processes one lab may have at a time. Source: twenty real sidecars with applications and tools, with room. */
export const processesMax = 512;

/** Pods one lab may have at a time: the third byte of their address is theirs to choose. */
export const podsMax = 200;

/** Where a process runs: `host` is the network namespace of the bridge, anything else a pod's key. */
export type Place = string;
export const hostPlace: Place = 'host';

export interface PodSpec {
  /** `<tenant>/<pod>`. */
  readonly key: string;
  /** IPv4 in 10.99.0.0/16, IPv6 in fd99::/64. */
  readonly addresses: readonly string[];
  /** Whether iptables hand all TCP to a sidecar and drop the rest. */
  readonly intercepted: boolean;
  readonly dnsResolvers: readonly string[];
  /** The pod's /etc/hosts, beside localhost: name to address. */
  readonly hosts: Readonly<Record<string, string>>;
}

export interface SpawnSpec {
  readonly in: Place;
  readonly argv: readonly string[];
  /** Added to PATH, HOME and LANG; nothing is inherited from the lab's owner. */
  readonly env: Readonly<Record<string, string>>;
  /** Without any capability, and without sight of the lab's private directory. */
  readonly confined: boolean;
  readonly cwd: string;
  readonly stdinPath: string;
  readonly stdoutPath: string;
  readonly stderrPath: string;
}

export interface PodSummary {
  readonly key: string;
  readonly addresses: readonly string[];
  readonly intercepted: boolean;
}

export type Command =
  | { readonly kind: 'add-pod'; readonly pod: PodSpec }
  | { readonly kind: 'set-hosts'; readonly key: string; readonly hosts: Readonly<Record<string, string>> }
  | { readonly kind: 'remove-pod'; readonly key: string }
  | { readonly kind: 'list-pods' }
  | { readonly kind: 'spawn'; readonly process: SpawnSpec }
  | { readonly kind: 'signal'; readonly pid: number; readonly signal: NodeJS.Signals };

export interface Request {
  readonly id: number;
  readonly command: Command;
}

/** `value` is what the command yields: pods for `list-pods`, a pid for `spawn`, null for the others. */
export type Message =
  | { readonly kind: 'done'; readonly id: number; readonly value: readonly PodSummary[] | number | null }
  | { readonly kind: 'failed'; readonly id: number; readonly why: string }
  | ({ readonly kind: 'exit'; readonly pid: number } & ExitStatus);

/** Exactly one of the two is set. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}
