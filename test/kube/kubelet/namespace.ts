/**
 * A network namespace that a sleeping process holds, as a pod's `pause` container does: it has no name that could be left
 * behind, and when its holder ends, which the kernel sees to when we end, its links go with it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Longest run of one `ip` or `iptables-restore`, in ms. Each takes about 20 ms. */
const commandMaxMs = 10_000;

export class NetworkNamespace {
  readonly pid: number;
  readonly #holder: ChildProcess;

  static async make(): Promise<NetworkNamespace> {
    const hold = ['unshare', '--net', '--', 'sh', '-c', 'echo held; exec sleep infinity'];
    const holder = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...hold], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    return new NetworkNamespace(holder);
  }

  private constructor(holder: ChildProcess) {
    if (holder.pid === undefined) throw new Error('no process holds the network namespace');
    this.pid = holder.pid;
    this.#holder = holder;
  }

  /** @returns the argv of a program in it. */
  enter(argv: readonly string[]): readonly string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`, '--', ...argv];
  }

  /** @throws with what it said, where it does not end well. */
  run(argv: readonly string[], input = ''): void {
    runOrThrow(this.enter(argv), input);
  }

  ip(...lines: readonly string[]): void {
    this.run(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  }

  async close(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    this.#holder.kill('SIGKILL');
    await once(this.#holder, 'exit');
  }
}

export function runOrThrow([command = '', ...args]: readonly string[], input = ''): string {
  const done = spawnSync(command, args, { input, timeout: commandMaxMs, encoding: 'utf8' });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`\`${[command, ...args].join(' ')}\` failed: ${done.stderr}\n${input}`);
  return done.stdout;
}
