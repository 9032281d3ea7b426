/**
 * A small mesh to drill, with proxies that behave: they take layers, NACK them, lose touch, and let what nobody renews die.
 *
 *   DrillRunner ──layers──▶ a server with heartbeats ──▶ FakeProxy (TTL on the world's clock) ◀──eyes── DrillRunner
 *
 * Time passes when told to; the wall clock may leap, the other never does.
 */
import { setImmediate } from 'node:timers/promises';
import type { Actor, ProxyTraffic } from '../../src/chaos/drill-engine.ts';
import type { AppendAnswer, Journal, JournalRecord } from '../../src/chaos/journal.ts';
import {
  type DrillEvent,
  type DrillPorts,
  layerTtlMs,
  type ProbedEdge,
  type ReportEvidence,
  type WantedHappenings,
} from '../../src/chaos/ports.ts';
import type { Refusal } from '../../src/chaos/refusal.ts';
import type { Happenings } from '../../src/chaos/report/happening.ts';
import { DrillRunner } from '../../src/chaos/runner.io.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod as podOf, service, tenant } from '../fixtures/two-tenants.ts';

/** A Monday, 12:00 UTC. */
export const startMs = Date.parse('2026-11-23T12:00:00Z');
const heartbeatMs = 3_000;

export const ana: Actor = { name: 'ana', tenant: 'atelier', mayStrike: true };
export const bob: Actor = { name: 'bob', tenant: 'atelier', mayStrike: true };
export const owner: Actor = { name: 'owner', tenant: undefined, mayStrike: true };
export const stranger: Actor = { name: 'eve', tenant: 'notaire', mayStrike: true };

export interface MeshWords {
  readonly method?: string;
  readonly percent?: number;
  readonly duration?: string;
  readonly consents?: string;
  readonly house?: string;
  readonly abortOn?: string;
  readonly probes?: string;
  readonly services?: string;
  /** Those of the radius. */
  readonly callers?: string;
}

const bounds =
  'methods: [openBreaker, throttleBreaker, abort, delay, ejectEndpoint], maxDuration: 10m, maxPercent: 100';

export const bothConsent = documents(
  consent('c', `asTarget: { services: [api], callerTenants: [atelier], ${bounds} }`),
  consent('d', `asCaller: { targetTenants: [atelier], ${bounds} }`),
);

export function consent(name: string, spec: string, namespace = 'atelier'): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }
`;
}

/** A drill of `atelier` that `notaire` feels too, as both allow it. */
export const feltByNotaire: MeshWords = {
  callers: '[{ tenant: atelier, serviceAccounts: [web] }, { tenant: notaire, serviceAccounts: [web] }]',
  percent: 100,
  house: 'secondPersonAbove: { percent: 100 }',
  consents: documents(
    consent('c', `asTarget: { services: [api], callerTenants: [atelier, notaire], ${bounds} }`),
    consent('d', `asCaller: { targetTenants: [atelier], ${bounds} }`),
    consent('e', `asCaller: { targetTenants: [atelier], ${bounds} }`, 'notaire'),
  ),
  services: documents(
    podOf('notaire', 'web', '10.2.0.1'),
    `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-notaire, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: deeds are read there }
`,
  ),
};

function drillText(name: string, words: MeshWords = {}): string {
  const {
    method = 'openBreaker: {}',
    percent = 50,
    callers = '[{ tenant: atelier, serviceAccounts: [web] }]',
    duration = '60s',
    abortOn = '[{ probe: works }, { alert: ShopDown }]',
  } = words;
  const probes =
    words.probes ??
    '{ name: works, source: { traffic: { metric: successRate, group: control } }, tolerance: { atLeast: 0.99 }, interval: 500ms, silence: 3s }';
  return `
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: ${name}, namespace: atelier }
spec:
  hypothesis: the shop goes on without its API
  target: { service: api, port: 80 }
  method: { ${method} }
  blastRadius: { callers: ${callers}, percent: ${percent} }
  steadyState: [${probes}]
  abortOn: ${abortOn}
  duration: ${duration}
  observe: 5s
`;
}

function pod(name: string, account: string, address: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: atelier, labels: { app: ${account} } }
spec: { serviceAccountName: ${account} }
status: { podIPs: [{ ip: ${address} }], conditions: [{ type: Ready, status: "True" }] }
`;
}

/** Four pods of `web` call three of `api`. */
export function drillMesh(words: MeshWords = {}): Snapshot {
  const numbers = [1, 2, 3, 4];
  return meshFrom(
    documents(
      `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: mesh.test, drills: { ${words.house ?? ''} } }
`,
      tenant('atelier'),
      tenant('notaire'),
      ...numbers.map((number) => pod(`web-${number}`, 'web', `10.1.0.${number}`)),
      ...numbers.slice(0, 3).map((number) => pod(`api-${number}`, 'api', `10.1.1.${number}`)),
      service('atelier', 'api', '10.96.1.2', 'name: http, port: 80, targetPort: 8080'),
      words.consents ?? bothConsent,
      drillText('trip', words),
      ...(words.services === undefined ? [] : [words.services]),
    ),
  );
}

class WorldClock {
  #wallOffsetMs = startMs;
  #now = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.#now + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#now;
  }

  setTimer(afterMs: number, run: () => void): () => void {
    const timer = { atMs: this.#now + afterMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  leap(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Time passes for everybody else: no timer of ours fires meanwhile. */
  freeze(ms: number): void {
    this.#now += ms;
  }

  get armed(): number {
    return this.#timers.size;
  }

  /** Fires what is due, one timer at a time, and lets everything that waits for it run. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#now + ms;
    for (;;) {
      await setImmediate();
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.atMs);
      next.run();
    }
    this.#now = untilMs;
  }
}

export class FakeProxy {
  /** It holds its ADS stream. */
  connected = true;
  /** Its inspection door answers. */
  reachable = true;
  nacks = false;
  takesTtl = true;
  config = new Map([['cluster/atelier/api/80', 'digest-1']]);
  layer: ReadonlyMap<string, number> = new Map();
  diesAtMs = Number.POSITIVE_INFINITY;

  runtimeAt(nowMs: number): ReadonlyMap<string, number> {
    return nowMs < this.diesAtMs ? this.layer : new Map();
  }
}

/** In memory, with the same answers as the store; `full` refuses every write. */
export class MemoryJournal implements Journal {
  findings: readonly string[] = [];
  readonly kept: JournalRecord[];
  full = false;
  blockedBy: string | undefined;
  #fenced = false;

  /** @param kept by whoever had it open before. */
  constructor(kept: JournalRecord[] = []) {
    this.kept = kept;
  }

  /** Another process opens the same one, and this writes no more. */
  takenOver(): MemoryJournal {
    this.#fenced = true;
    this.blockedBy = fenced;
    return new MemoryJournal(this.kept);
  }

  blocked(): string | undefined {
    return this.blockedBy;
  }

  probe(): string | undefined {
    return this.full ? 'database or disk is full' : this.blockedBy;
  }

  records(): readonly JournalRecord[] {
    return this.kept;
  }

  append(stream: string, after: number, body: string): AppendAnswer {
    if (this.#fenced) return { kind: 'fenced', message: fenced };
    if (this.full) return { kind: 'failed', message: 'database or disk is full' };
    const head = this.kept.findLast((record) => record.stream === stream)?.sequence ?? 0;
    if (head !== after) return { kind: 'conflict', message: 'somebody wrote meanwhile' };
    this.kept.push({ position: this.kept.length + 1, stream, sequence: after + 1, epoch: 1, body });
    return { kind: 'appended', sequence: after + 1 };
  }

  close(): void {
    this.blockedBy = 'closed';
  }
}

const fenced = 'another control plane has opened the journal after this one';

export class DrillWorld {
  readonly clock = new WorldClock();
  readonly proxies = new Map<string, FakeProxy>();
  readonly events: DrillEvent[] = [];
  /** Every lay and lift, in order, with the time at which it was sent. */
  readonly sent: { readonly kind: 'lay' | 'lift'; readonly proxy: string; readonly atMs: number }[] = [];
  /** Edges whose proxies were asked to report, in order. */
  readonly watched: ProbedEdge[] = [];
  readonly journal: Journal;
  snapshot: Snapshot | undefined;
  /** Why another process commands, where one does. */
  outranked: Refusal | undefined;
  /** What every probe answers; undefined is no answer. */
  answer: (name: string) => number | undefined = () => 1;
  /** What the callers' proxies have told of overflows, to the process that was asked. */
  overflows: number | undefined = 7;
  /** And of their requests. */
  traffic: readonly ProxyTraffic[] = [];
  /** What else was recorded, and who asked for what of it. */
  happenings: Happenings = { each: [], isCut: false };
  readonly wanted: WantedHappenings[] = [];
  readonly evidence: { -readonly [Port in keyof ReportEvidence]: ReportEvidence[Port] } = {
    happenings: async (wanted) => {
      this.wanted.push(wanted);
      return this.happenings;
    },
    head: () => 'here:7:cafe',
    sign: (bytes) => `signed ${bytes.length} bytes`,
  };
  runner: DrillRunner;
  /** What the server lays on each proxy, as long as it lives. */
  readonly #overlays = new Map<string, ReadonlyMap<string, number>>();
  #alive = true;

  constructor(words: MeshWords = {}, journal: Journal = new MemoryJournal()) {
    this.journal = journal;
    this.snapshot = drillMesh(words);
    for (const key of this.snapshot.workloads.keys()) this.proxies.set(key, new FakeProxy());
    this.runner = new DrillRunner(this.ports());
    this.#beat();
  }

  proxy(key: string): FakeProxy {
    const found = this.proxies.get(key);
    if (found === undefined) throw new Error(`no proxy \`${key}\``);
    return found;
  }

  ports(more: Partial<DrillPorts> = {}): DrillPorts {
    return {
      clock: this.clock,
      snapshot: () => this.snapshot,
      outranked: () => this.outranked,
      connected: () => new Map([...this.proxies].filter(([, { connected }]) => connected)),
      layers: {
        lay: (proxy, settings) => this.#push('lay', proxy, settings),
        lift: (proxy) => this.#push('lift', proxy, undefined),
      },
      eyes: {
        runtime: async (key) => this.#seen(key)?.runtimeAt(this.clock.monotonicMs()),
        config: async (key) => this.#seen(key) && new Map(this.proxy(key).config),
      },
      probes: {
        read: async ({ name }) => this.answer(name),
        watch: (edge) => void this.watched.push(edge),
        overflows: () => this.overflows,
        traffic: () => this.traffic,
      },
      journal: this.journal,
      evidence: this.evidence,
      observe: (event) => this.events.push(event),
      ...more,
    };
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms);
  }

  /** The control plane dies, without a word: no push, no heartbeat. Another one may open the same journal. */
  kill(): void {
    this.#alive = false;
  }

  restart(): void {
    this.#overlays.clear();
    this.#alive = true;
    this.runner = new DrillRunner(this.ports());
    this.#beat();
  }

  mesh(words: MeshWords): void {
    this.snapshot = drillMesh(words);
    this.runner.lookAgain();
  }

  /** Proxies in whose runtime anything of a drill lies. */
  struck(): readonly string[] {
    const nowMs = this.clock.monotonicMs();
    return [...this.proxies].filter(([, proxy]) => proxy.runtimeAt(nowMs).size > 0).map(([key]) => key);
  }

  /** Plans and starts `atelier/trip`, and waits until its fault is effective. */
  async run(): Promise<void> {
    const plan = await this.runner.plan('atelier/trip', ana);
    if (plan.kind !== 'ok') throw new Error(plan.message);
    const started = await this.runner.start('atelier/trip', plan.value.hash, ana);
    if (started.kind !== 'ok') throw new Error(started.message);
    await this.pass(6_000);
  }

  view(drill = 'atelier/trip') {
    const shown = this.runner.show(drill, owner);
    if (shown.kind !== 'ok') throw new Error(shown.message);
    return shown.value;
  }

  #seen(key: string): FakeProxy | undefined {
    const proxy = this.proxy(key);
    return proxy.reachable ? proxy : undefined;
  }

  #push(kind: 'lay' | 'lift', key: string, settings: ReadonlyMap<string, number> | undefined): void {
    if (!this.#alive) return;
    this.sent.push({ kind, proxy: key, atMs: this.clock.monotonicMs() });
    if (settings === undefined) this.#overlays.delete(key);
    else this.#overlays.set(key, settings);
    const { runner } = this;
    this.clock.setTimer(2, () => {
      const proxy = this.proxy(key);
      if (!this.#alive || !proxy.connected) return;
      if (proxy.nacks && settings !== undefined) return runner.refused(key, 'unknown key');
      proxy.layer = settings ?? new Map();
      proxy.diesAtMs = settings === undefined ? Number.POSITIVE_INFINITY : this.clock.monotonicMs() + layerTtlMs;
      runner.accepted(key, ['runtime/drill']);
    });
  }

  #beat(): void {
    this.clock.setTimer(heartbeatMs, () => {
      if (!this.#alive) return;
      for (const key of this.#overlays.keys()) {
        const proxy = this.proxy(key);
        if (proxy.connected && !proxy.nacks) proxy.diesAtMs = this.clock.monotonicMs() + layerTtlMs;
      }
      this.#beat();
    });
  }
}
