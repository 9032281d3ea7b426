/**
 * One proxy first: what each proxy is given of a new configuration, and when.
 *
 *   wanted ──units──▶ tried by one proxy ──ACK, or silence──▶ passed: given to all that wait for it
 *                                        └─────NACK────────▶ refused: its proxy gets the last good back, nobody else gets it
 *
 * What counts as the same is the content: the same resource, by name and bytes, within one tenant. So one change is
 * tried once however many classes of proxies share it, a class that is given something of its own tries that itself,
 * and two tenants never wait for each other, nor can one refuse for another. What may not wait is in no unit and goes
 * at once (rollout-unit.ts, may-wait.ts); a unit waits for all of its contents.
 *
 * Nobody tries what nobody is there for: contents wait until a proxy that wants them has a stream, which delays no one.
 * A canary that goes away before it answers is not silence: after the wait one other proxy tries. A refusal lasts as
 * long as somebody wants the content, so that a correction, being other content, starts anew.
 *
 * The surprise: Envoy refuses a response, not a resource, and does not always say which. Where several may be meant and
 * none is named, all of them go back, and are tried again alone, one after the other.
 *
 * A reducer: `step(state, event) ──▶ [state, what to publish]`. It knows no clock: `nowMs` comes with each event.
 */
import type { ResourceSnapshot } from '../xds/resource.ts';
import { blame, type RefusedResponse } from './blame.ts';
import type { CanaryEvent, CanaryState, ProxyState, Refusal, Trial, Wanted } from './canary-state.ts';
import { type ContentKey, compose, danglingIn, isSame, type Unit, unitsOf } from './rollout-unit.ts';

/** Longest that a canary is waited for, in ms: four types behind each other, each given up by xDS after 2 s, and some. */
export const canaryWaitMs = 10_000;

export interface CanaryStep {
  readonly state: CanaryState;
  /** Only what differs from before. */
  readonly publish: ReadonlyMap<string, ResourceSnapshot>;
  /** Epoch ms of the next `time`, Infinity where nothing is waited for. */
  readonly wakeAtMs: number;
}

export function step(state: CanaryState, event: CanaryEvent, nowMs: number): CanaryStep {
  return afterCalm(state, event) ?? new Draft(state, nowMs).run(event);
}

/** What a proxy does that neither tries nor waits for anything: the common case, of thousands of ACKs, at its price. */
function afterCalm(state: CanaryState, event: CanaryEvent): CanaryStep | undefined {
  if (event.kind === 'wanted' || event.kind === 'nacked' || event.kind === 'time') return undefined;
  if ((state.proxies.get(event.proxy)?.units.length ?? 0) > 0 || state.lone.size > 0) return undefined;
  const calm = { publish: new Map(), wakeAtMs: wakeAtMs(state.trials) };
  if (event.kind === 'acked') return { state, ...calm };
  const connected = new Set(state.connected);
  if (event.kind === 'connected') connected.add(event.proxy);
  else connected.delete(event.proxy);
  return { state: { ...state, connected }, ...calm };
}

function wakeAtMs(trials: CanaryState['trials']): number {
  const ends = [...trials.values()].map((trial) => (trial.kind === 'tried' ? trial.untilMs : Infinity));
  return Math.min(...ends, Infinity);
}

/** The draft of one step: mutable while it is made, never seen outside. */
class Draft {
  private readonly before: CanaryState;
  private readonly nowMs: number;
  private readonly proxies: Map<string, ProxyState>;
  private readonly trials: Map<ContentKey, Trial>;
  private readonly connected: Set<string>;
  private readonly lone: Map<string, Refusal>;
  private waiting: ReadonlyMap<ContentKey, ReadonlySet<string>>;
  /** Proxies that this step may concern. */
  private readonly concerned = new Set<string>();

  constructor(state: CanaryState, nowMs: number) {
    this.before = state;
    this.nowMs = nowMs;
    this.proxies = new Map(state.proxies);
    this.trials = new Map(state.trials);
    this.connected = new Set(state.connected);
    this.lone = new Map(state.lone);
    this.waiting = state.waiting;
  }

  run(event: CanaryEvent): CanaryStep {
    this.take(event);
    for (const proxy of this.concerned) this.advance(proxy);
    for (const proxy of this.concerned) this.start(proxy);
    const publish = this.give();
    const { proxies, trials, waiting, connected, lone } = this;
    return { state: { proxies, trials, waiting, connected, lone }, publish, wakeAtMs: wakeAtMs(trials) };
  }

  private take(event: CanaryEvent): void {
    switch (event.kind) {
      case 'wanted':
        for (const proxy of event.gone) this.proxies.delete(proxy);
        // Those that are known first: a new one begins with what its like wait for, also since this very moment.
        for (const isNew of [false, true]) {
          for (const [proxy, wanted] of event.proxies) {
            if (this.before.proxies.has(proxy) !== isNew) this.want(proxy, wanted);
          }
        }
        this.forget();
        return;
      case 'connected':
        this.connected.add(event.proxy);
        this.concerned.add(event.proxy);
        return;
      case 'disconnected':
        this.connected.delete(event.proxy);
        return;
      case 'acked':
        this.accept(event.proxy, event);
        return;
      case 'nacked':
        this.refuse(event.proxy, event);
        return;
      case 'time':
        this.giveUp();
    }
  }

  private want(proxy: string, wanted: Wanted): void {
    const former = this.proxies.get(proxy);
    const base = former?.base ?? this.inherited(wanted);
    const units = unitsOf(base, wanted.snapshot, wanted.owner);
    this.proxies.set(proxy, { ...former, ...wanted, base: compose(base, wanted.snapshot, units), units });
  }

  /** What a new proxy begins with: all that it is to have, but what its like are waiting for. */
  private inherited({ snapshot, mates }: Wanted): ResourceSnapshot {
    for (const mate of this.proxies.values()) {
      if (mate.mates !== mates || mate.units.length === 0) continue;
      const inherited = compose(mate.base, snapshot, mate.units.filter(isShared));
      if (danglingIn(inherited, [snapshot, mate.base]) === undefined) return inherited;
    }
    return snapshot;
  }

  /** Drops what is known of contents that nobody waits for any more, and refusals of what is no longer wanted. */
  private forget(): void {
    const waiting = new Map<ContentKey, Set<string>>();
    for (const [proxy, { units }] of this.proxies) {
      this.concerned.add(proxy);
      for (const content of units.flatMap(contentsOf))
        waiting.set(content, (waiting.get(content) ?? new Set()).add(proxy));
    }
    this.waiting = waiting;
    for (const [content, trial] of this.trials) {
      const goesOn =
        trial.kind !== 'tried' || this.unitsWith(trial.by, content).some((unit) => this.isFree(unit, trial.by));
      if (!waiting.has(content) || !goesOn) this.trials.delete(content);
    }
    for (const [key, { proxy, typeUrl, names }] of this.lone) {
      const [now, then] = [this.proxies, this.before.proxies].map((proxies) =>
        names.map((name) => proxies.get(proxy)?.snapshot.types.get(typeUrl)?.get(name)?.version).join(),
      );
      if (now !== then) this.lone.delete(key);
    }
  }

  private accept(proxy: string, { typeUrl, resources }: Omit<RefusedResponse, 'message'>): void {
    const refusal = this.lone.get(loneKey(proxy, typeUrl));
    if (refusal?.names.every((name) => resources.has(name))) this.lone.delete(loneKey(proxy, typeUrl));
    for (const { members } of this.triedBy(proxy)) {
      for (const { after, content } of members.values()) {
        if (after.typeUrl === typeUrl && resources.get(after.name) === after.version)
          this.judge(content, { kind: 'passed' });
      }
    }
  }

  private refuse(proxy: string, response: RefusedResponse): void {
    const { typeUrl, message, resources } = response;
    const { guilty, suspected, others } = blame(this.triedBy(proxy), response);
    for (const unit of [...guilty.keys(), ...suspected]) {
      const blamed = guilty.get(unit) ?? [...unit.members.values()].filter(({ after }) => isIn(after, response));
      const isCertain = guilty.has(unit) || this.isAlone(unit);
      const names = blamed.map(({ after }) => after.name);
      const refusal: Refusal = { kind: 'held', proxy, typeUrl, names, message };
      for (const content of contentsOf(unit)) if (this.isKind(content, 'tried')) this.judge(content, undefined);
      for (const { content } of blamed)
        this.judge(content, isCertain ? { kind: 'refused', refusal } : { kind: 'suspected' });
    }
    const given = this.before.proxies.get(proxy)?.given?.types.get(typeUrl);
    const names = others.filter((name) => given?.get(name)?.version === resources.get(name));
    if (names.length > 0) this.lone.set(loneKey(proxy, typeUrl), { kind: 'lone', proxy, typeUrl, names, message });
  }

  /** What was waited for long enough has passed, unless its canary is not there to say anything. */
  private giveUp(): void {
    for (const [content, trial] of this.trials) {
      if (trial.kind !== 'tried' || trial.untilMs > this.nowMs) continue;
      this.judge(content, this.connected.has(trial.by) ? { kind: 'passed' } : undefined);
    }
  }

  private judge(content: ContentKey, trial: Trial | undefined): void {
    if (trial === undefined) this.trials.delete(content);
    else this.trials.set(content, trial);
    for (const proxy of this.waiting.get(content) ?? []) this.concerned.add(proxy);
  }

  /** Units that have passed become part of the last good. */
  private advance(proxy: string): void {
    const state = this.proxies.get(proxy);
    if (state === undefined) return;
    const units = state.units.filter((unit) => !contentsOf(unit).every((content) => this.isKind(content, 'passed')));
    if (units.length === state.units.length) return;
    this.proxies.set(proxy, { ...state, units, base: compose(state.base, state.snapshot, units) });
  }

  /** Lets a proxy try what nobody has tried yet. */
  private start(proxy: string): void {
    if (!this.connected.has(proxy)) return;
    for (const unit of this.proxies.get(proxy)?.units ?? []) {
      const left = contentsOf(unit).filter((content) => !this.isKind(content, 'passed'));
      if (!this.isFree(unit, proxy) || left.every((content) => this.isKind(content, 'tried'))) continue;
      const alone = left.some((content) => this.isKind(content, 'suspected'));
      const others = this.triedBy(proxy).filter((each) => each !== unit);
      if (others.some((each) => alone || this.isAlone(each))) continue;
      const trial: Trial = { kind: 'tried', by: proxy, untilMs: this.nowMs + canaryWaitMs, alone };
      for (const content of left) this.trials.set(content, trial);
    }
  }

  private give(): ReadonlyMap<string, ResourceSnapshot> {
    const publish = new Map<string, ResourceSnapshot>();
    for (const proxy of this.concerned) {
      const state = this.proxies.get(proxy);
      if (state === undefined) continue;
      const tried = new Set(this.triedBy(proxy));
      const held = state.units.filter((unit) => !tried.has(unit));
      const target = tried.size === 0 ? state.base : compose(state.base, state.snapshot, held);
      const given = state.given === undefined ? target : compose(state.given, target, []);
      if (state.given !== undefined && isSame(state.given, given)) continue;
      this.proxies.set(proxy, { ...state, given });
      publish.set(proxy, given);
    }
    return publish;
  }

  /** Units that this proxy has been given to try. */
  private triedBy(proxy: string): readonly Unit[] {
    const units = this.proxies.get(proxy)?.units ?? [];
    return units.filter((unit) => {
      const trials = contentsOf(unit).map((content) => this.trials.get(content));
      return (
        trials.some((trial) => trial?.kind === 'tried') &&
        trials.every((trial) => trial?.kind === 'passed' || (trial?.kind === 'tried' && trial.by === proxy))
      );
    });
  }

  /** Whether nothing of it was refused, and nothing is being tried by another. */
  private isFree(unit: Unit, proxy: string): boolean {
    return contentsOf(unit).every((content) => {
      const trial = this.trials.get(content);
      return trial?.kind === 'tried' ? trial.by === proxy : trial?.kind !== 'refused';
    });
  }

  private unitsWith(proxy: string, content: ContentKey): readonly Unit[] {
    const units = this.proxies.get(proxy)?.units ?? [];
    return units.filter((unit) => contentsOf(unit).includes(content));
  }

  private isAlone(unit: Unit): boolean {
    return contentsOf(unit).some((content) => {
      const trial = this.trials.get(content);
      return trial?.kind === 'tried' && trial.alone;
    });
  }

  private isKind(content: ContentKey, kind: Trial['kind']): boolean {
    return this.trials.get(content)?.kind === kind;
  }
}

function contentsOf({ members }: Unit): readonly ContentKey[] {
  return [...members.values()].map(({ content }) => content);
}

/** Of one that names its workload, the last good is nobody else's. */
function isShared({ members }: Unit): boolean {
  return [...members.values()].every(({ after, content }) => content.endsWith(` ${after.version}`));
}

function isIn(
  { typeUrl, name, version }: { typeUrl: string; name: string; version: string },
  response: RefusedResponse,
) {
  return typeUrl === response.typeUrl && response.resources.get(name) === version;
}

function loneKey(proxy: string, typeUrl: string): string {
  return `${proxy} ${typeUrl}`;
}
