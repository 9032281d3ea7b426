/**
 * The one loop: sources changed, a grant ended, a certificate is due. Each means "look again", never "do X".
 *
 *   lookAgain() ──▶ snapshot ──▶ configure ──▶ publish
 *                      └──▶ issue what is missing ──▶ configure ──▶ publish again, if that changed anything
 *
 * Leading edge: the first call runs at once; calls during a run, and in the turn of the event loop that it ends in, merge
 * into one more run. Between two runs the event loop goes round: however fast changes come, the ACKs to what was sent are
 * read, and so what they hold back is sent. What is already certified is published before anything new is issued, so that
 * no revocation waits for a signature. Rotations of CAs are judged by
 * what was published last, and a step that was taken is one more reason to look again.
 * Until the first whole run nothing is served, and a mesh that cannot be read leaves what is served untouched.
 */
import type { Platform } from '../envoy/platform.ts';
import type { EnsureFailure, EnsureResult, WantedIdentities } from '../identity/authority.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { formatSourceRef } from '../model/source-ref.ts';
import type { ResourceSnapshot } from '../xds/resource.ts';
import type { BrokenPart } from './build-proxy.ts';
import { Configurator } from './configurator.ts';
import type { IssuedTrust } from './configure.ts';
import { Roster } from './roster.ts';
import type { PublishedTrust } from './rotations.ts';
import { waitMs } from './schedule.ts';
import { unbuiltProblems } from './unbuilt-problems.ts';

export interface LoopPorts {
  readonly clock: LoopClock;
  readonly platform: Platform;
  /** Where authorization workers are now; absent: where `platform` says, for good. */
  workers?(): Platform['authz'];
  /** What the sources hold now, as a snapshot; undefined until they have been read once. */
  snapshot(nowMs: number): Snapshot | undefined;
  readonly trust: IssuedTrust & {
    readonly trustDomain: string;
    ensure(wanted: WantedIdentities): Promise<EnsureResult>;
    nextRenewalMs(): number;
  };
  /** Whatever else must exist for each workload, such as its files; returns the epoch ms of its next work. */
  equip(snapshot: Snapshot): Promise<number>;
  readonly rotations: LoopRotations;
  readonly proxies: ProxyCache;
  /** What stands before it: rollout.io.ts. Absent: everything goes to everybody at once. */
  readonly rollout?: ProxyConfigurations;
  readonly report: LoopReport;
  /** What else running shows; whoever shows it calls `tellProblems` when it is another. */
  otherProblems?(): readonly Problem[];
  /** Resolves once the event loop has gone round: sockets were read and timers ran. Default: by `setImmediate`. */
  goRound?(): Promise<void>;
}

/** Rotations of tenants' CAs: rotations.ts. */
export interface LoopRotations {
  underway(): PublishedTrust['rotations'];
  /** @returns epoch ms of its next work. */
  turn(published: PublishedTrust, nowMs: number): Promise<number>;
}

/** Where configurations end: the xDS cache. */
export interface ProxyCache {
  set(proxy: string, configuration: ResourceSnapshot): void;
  /** Ends its streams. */
  delete(proxy: string): void;
  /** From now on clients are answered. */
  setReady(): void;
}

/** Who hands configurations on. */
export interface ProxyConfigurations {
  /**
   * @param configurations by workload, and of the authorization workers; whoever is not among them keeps what it has, and
   * what is the very same value as before did not change.
   * @param gone workloads that do not exist any more.
   * @param madeAtMs epoch ms at which grants were judged for these configurations.
   */
  publish(
    configurations: ReadonlyMap<string, ResourceSnapshot>,
    gone: readonly string[],
    snapshot: Snapshot,
    madeAtMs: number,
  ): void;
  /** What only proxies can say of the objects of authors. */
  problems(): readonly Problem[];
}

export interface LoopReport {
  problems(problems: readonly Problem[]): void;
  published(revision: string, proxies: number, withheld: readonly string[]): void;
  /** @param part what of it is closed; absent where nothing of it could be built, and it keeps what it had. */
  buildFailed(workload: string, part: BrokenPart | undefined, cause: unknown): void;
  /** All of this tenant was made anew, since something of ours threw where only what moved was looked at. */
  madeWhole(tenant: string, cause: unknown): void;
  issueFailed(failures: readonly EnsureFailure[]): void;
  /** A run ended in an exception; what was served stays. */
  runFailed(cause: unknown): void;
}

export interface LoopClock {
  nowMs(): number;
  /** @returns cancels the timer. */
  setTimer(afterMs: number, run: () => void): () => void;
}

export class Loop {
  readonly #ports: LoopPorts;
  readonly #configurator: Configurator;
  readonly #configurations: ProxyConfigurations;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  readonly #roster = new Roster();
  #snapshotProblems: readonly Problem[] = [];
  #buildProblems: readonly Problem[] = [];
  /** Told last; undefined before. */
  #told: readonly Problem[] | undefined;
  #cancelTimer: () => void = () => undefined;

  constructor(ports: LoopPorts) {
    this.#ports = ports;
    const { platform, report } = ports;
    this.#configurator = new Configurator(platform, {
      madeWhole: (tenant, cause) => report.madeWhole(tenant, cause),
    });
    this.#configurations = ports.rollout ?? straightTo(ports.proxies);
  }

  lookAgain(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#running ??= this.#runUntilSettled();
  }

  /** What running has shown of the objects of authors, beside what reading them did. */
  problems(): readonly Problem[] {
    const others = this.#ports.otherProblems?.() ?? [];
    return [...this.#buildProblems, ...this.#configurations.problems(), ...others];
  }

  /** Reports all problems, where they are others than before; also asked for when a proxy refused something. */
  tellProblems(): void {
    const problems = [...this.#snapshotProblems, ...this.problems()];
    if (this.#told !== undefined && areSame(this.#told, problems)) return;
    this.#told = problems;
    this.#ports.report.problems(problems);
  }

  /** Resolves when no run is under way; what was asked for before is then in force. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await this.settled();
  }

  async #runUntilSettled(): Promise<void> {
    const { goRound = nextTurn } = this.#ports;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      this.#cancelTimer();
      const renewalsMs = await this.#run().catch((cause: unknown) => {
        this.#ports.report.runFailed(cause);
        return { snapshot: undefined, renewalsMs: [0] };
      });
      this.#schedule(renewalsMs);
      await goRound();
    }
    // In the same breath as the check above: a call that came between the two would wait for nobody.
    this.#running = undefined;
  }

  async #run(): Promise<{ snapshot: Snapshot | undefined; renewalsMs: number[] }> {
    const { clock, trust, report } = this.#ports;
    const snapshot = this.#ports.snapshot(clock.nowMs());
    if (snapshot === undefined) return { snapshot, renewalsMs: [] };
    this.#snapshotProblems = snapshot.problems;
    this.tellProblems();
    if (isUnreadable(snapshot)) return { snapshot, renewalsMs: [] };
    if (snapshot.mesh.trustDomain !== trust.trustDomain) throw new Error(movedTrustDomain(snapshot, trust.trustDomain));
    let published = this.#publish(snapshot);
    const [issued, equipMs] = await Promise.all([
      trust.ensure(this.#roster.wanted(snapshot)),
      this.#ports.equip(snapshot),
    ]);
    if (issued.failures.length > 0) report.issueFailed(issued.failures);
    if (issued.changed) published = this.#publish(snapshot);
    this.#ports.proxies.setReady();
    const rotationMs = await this.#ports.rotations.turn(published, clock.nowMs());
    return { snapshot, renewalsMs: [trust.nextRenewalMs(), equipMs, rotationMs] };
  }

  #publish(snapshot: Snapshot): PublishedTrust {
    const { report, trust, clock } = this.#ports;
    const rotations = this.#ports.rotations.underway();
    // One moment for both: a grant that ended between the two would be in the configuration, and no right lost later.
    const nowMs = clock.nowMs();
    this.#configurator.reach(this.#ports.workers?.() ?? this.#ports.platform.authz);
    const configuration = this.#configurator.configure(snapshot, trust, nowMs);
    this.#configurations.publish(configuration.proxies, this.#roster.gone(snapshot), snapshot, nowMs);
    for (const { workload, part, cause } of configuration.failed) report.buildFailed(workload, part, cause);
    this.#buildProblems = unbuiltProblems(configuration.failed, snapshot);
    this.tellProblems();
    report.published(snapshot.revision, configuration.proxies.size, configuration.withheld);
    return {
      rotations,
      told: configuration.told,
      untold: [
        ...configuration.withheld,
        ...configuration.failed.flatMap(({ workload, part }) => (part === undefined ? [workload] : [])),
      ],
      leafLifetimeMs: snapshot.mesh.leafLifetimeMs,
    };
  }

  #schedule({ snapshot, renewalsMs }: { snapshot: Snapshot | undefined; renewalsMs: number[] }): void {
    if (this.#stopped || this.#again) return;
    const { clock } = this.#ports;
    this.#cancelTimer = clock.setTimer(waitMs(snapshot, renewalsMs, clock.nowMs()), () => this.lookAgain());
  }
}

function straightTo(cache: ProxyCache): ProxyConfigurations {
  return {
    publish(configurations, gone) {
      for (const [proxy, configuration] of configurations) cache.set(proxy, configuration);
      for (const proxy of gone) cache.delete(proxy);
    },
    problems: () => [],
  };
}

/** Without its Mesh nothing can be compiled, and nothing may be inferred: what is served stays. */
function isUnreadable(snapshot: Snapshot): boolean {
  return snapshot.problems.some(({ code }) => code === 'missing-mesh');
}

function movedTrustDomain({ mesh }: Snapshot, trustDomain: string): string {
  return (
    `${formatSourceRef(mesh.where)}: the trust domain is \`${mesh.trustDomain}\` and the CA was made for \`${trustDomain}\`; ` +
    'no certificate could be issued, so nothing of this change is served; write the old name back, or start with a new state folder'
  );
}

function areSame(some: readonly Problem[], others: readonly Problem[]): boolean {
  return some.length === others.length && some.every((problem, index) => problem === others[index]);
}

/** Not a microtask: of those a whole crowd of changes may come before a socket is read. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
