/**
 * Ejections, seen by looking where something fails: at a proxy's own list of clusters, once a second, until it is well.
 *
 *   entry that failed at an upstream ──▶ look, a second later ──▶ ejected, returned ──▶ events ──▶ … ──▶ no look, no timer
 *
 * The timer is of a proxy that is watched: where nothing fails there is none, and nobody is asked anything.
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import { digest } from '../chain/digest.ts';
import type { EjectionEvent, LossEvent } from '../event.ts';
import { formatAddress } from './access-log-entry.ts';
import { clustersPath, ejectedHosts } from './ejected-hosts.ts';
import { type EjectionChange, type EjectionState, failed, looked } from './ejection-state.ts';
import type { LoggedEntry, MeshDirectory } from './event-of-record.ts';
import { evidenceLogs } from './log-names.ts';
import { type Loss, LossTally } from './loss-tally.ts';
import { tenantOf } from './tenant-of.ts';

export interface EjectionPorts {
  readonly clock: {
    /** Epoch ms. */
    nowMs(): number;
    /** Calls `then` once, after `ms`. @returns a function that cancels it, and may be called twice. */
    setTimer(ms: number, then: () => void): () => void;
  };
  readonly directory: Pick<MeshDirectory, 'workloadAt' | 'spiffeIdOf'>;
  /** Asks the proxy's admin interface. Must not reject. @returns undefined where it did not answer. */
  read(proxy: string, path: typeof clustersPath): Promise<string | undefined>;
  record(event: EjectionEvent | LossEvent): void;
}

/** Between two looks at one proxy, and before the first, in ms. */
const lookMs = 1_000;
/** Most proxies that are watched at once: what the inspection door keeps connections for. */
const watchedMax = 256;

type LossWhy =
  | 'too many proxies failed at once to watch them all'
  | 'a proxy where something was ejected does not answer';

export class EjectionWatch {
  readonly #ports: EjectionPorts;
  /** By proxy. */
  readonly #watched = new Map<string, EjectionState>();
  readonly #timers = new Map<string, () => void>();
  readonly #lost: LossTally<LossWhy>;

  constructor(ports: EjectionPorts) {
    this.#ports = ports;
    this.#lost = new LossTally({
      setTimer: (ms, then) => ports.clock.setTimer(ms, then),
      tell: (loss) => ports.record(lossEvent(loss, ports.clock.nowMs())),
    });
  }

  /** Told of everything that proxies log. */
  heard(entry: LoggedEntry): void {
    if (!failedUpstream(entry)) return;
    const { proxy } = entry;
    const state = this.#watched.get(proxy);
    if (state === undefined && this.#watched.size >= watchedMax) {
      this.#lost.add('ejection watch', 'too many proxies failed at once to watch them all', 1);
      return;
    }
    this.#watched.set(proxy, failed(state, this.#ports.clock.nowMs()));
    if (state === undefined) this.#lookLater(proxy);
  }

  /** Nothing is looked at any more, and a look under way tells nothing. */
  stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#watched.clear();
  }

  #lookLater(proxy: string): void {
    this.#timers.set(
      proxy,
      this.#ports.clock.setTimer(lookMs, () => void this.#look(proxy)),
    );
  }

  async #look(proxy: string): Promise<void> {
    this.#timers.delete(proxy);
    const text = await this.#ports.read(proxy, clustersPath);
    const state = this.#watched.get(proxy);
    if (state === undefined) return;
    const nowMs = this.#ports.clock.nowMs();
    const after = looked(state, text === undefined ? undefined : ejectedHosts(text), nowMs);
    if (after.kind === 'again') {
      this.#watched.set(proxy, after.state);
      this.#lookLater(proxy);
    } else {
      this.#watched.delete(proxy);
    }
    if (after.kind === 'gave-up') {
      if (after.ejected > 0)
        this.#lost.add('ejection watch', 'a proxy where something was ejected does not answer', after.ejected);
      return;
    }
    for (const change of after.changes) this.#ports.record(this.#eventOf(proxy, change, nowMs));
  }

  #eventOf(proxy: string, { what, host }: EjectionChange, atMs: number): EjectionEvent {
    const { directory } = this.#ports;
    const { cluster, address, port } = host;
    const identity = directory.spiffeIdOf(proxy);
    const workload = directory.workloadAt(address);
    return {
      kind: 'ejection',
      id: `e:${digest([proxy, what, cluster, address, port, atMs], 40)}`,
      atMs,
      tenant: tenantOf(proxy),
      workload: proxy,
      what,
      from: { workload: proxy, ...(identity === undefined ? {} : { identity }) },
      to: {
        address: formatAddress({ host: address, port }),
        port,
        cluster,
        ...(workload === undefined ? {} : { workload }),
      },
    };
  }
}

const upstreamFailures = ['UF', 'UC', 'UO', 'UH', 'UR', 'UT'];

function failedUpstream({ log, status, flags }: LoggedEntry): boolean {
  return evidenceLogs[log] === 'outbound' && (status >= 500 || flags.some((flag) => upstreamFailures.includes(flag)));
}

function lossEvent({ where, why, count }: Loss<LossWhy>, atMs: number): LossEvent {
  return { kind: 'loss', id: `l:${digest([where, why, atMs], 40)}`, atMs, tenant: systemNamespace, where, count, why };
}
