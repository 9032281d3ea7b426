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
 * Each event costs what it concerns: whoever waits for a content is known by it (canary-waiting.ts), and of a mesh of
 * thousands whose proxies accept what they are given nobody else is looked at. It knows no clock: `nowMs` comes with each
 * event. Whatever may be tried by several is tried by the first of them by name, so that no order of events matters.
 */
import type { ResourceSnapshot } from '../xds/resource.ts';
import { blame, type RefusedResponse } from './blame.ts';
import {
  type CanaryEvent,
  contentsOf,
  type ProxyState,
  type Refusal,
  type Trial,
  type Wanted,
} from './canary-state.ts';
import { CanaryTrials } from './canary-trials.ts';
import { CanaryWaiting } from './canary-waiting.ts';
import { RolloutReader } from './rollout-reader.ts';
import { type ContentKey, compose, danglingIn, isSame, type Unit, unitsOf } from './rollout-unit.ts';

/** Longest that a canary is waited for, in ms: four types behind each other, each given up by xDS after 2 s, and some. */
export const canaryWaitMs = 10_000;

export interface CanaryStep {
  /** Only what differs from before. */
  readonly publish: ReadonlyMap<string, ResourceSnapshot>;
  /** When the next `time` is, as `nowMs` counts; Infinity where nothing is waited for. */
  readonly wakeAtMs: number;
}

/** What an event cost, counted; it changes nothing. */
export interface CanaryCounters {
  /** What a proxy is to have was compared with what it has. */
  compared(): void;
  /** The bytes of a change were read. */
  read(): void;
}

export class Canaries {
  private readonly counters: CanaryCounters;
  private readonly proxies = new Map<string, ProxyState>();
  private readonly trials = new CanaryTrials();
  private readonly waiting = new CanaryWaiting();
  /** Proxies with an open stream. */
  private readonly connected = new Set<string>();
  /** Proxies that this event may concern. */
  private concerned = new Set<string>();
  private nowMs = -Infinity;

  constructor(counters: CanaryCounters = { compared: () => undefined, read: () => undefined }) {
    this.counters = counters;
  }

  take(event: CanaryEvent, nowMs: number): CanaryStep {
    this.nowMs = nowMs;
    this.concerned = new Set();
    this.hear(event);
    for (const proxy of this.concerned) this.advance(proxy);
    for (const proxy of this.startable()) this.start(proxy);
    return { publish: this.give(), wakeAtMs: this.trials.wakeAtMs };
  }

  /** Every refusal in force, once each; the very same list until that changes. */
  refusals(): readonly Refusal[] {
    return this.trials.refusals();
  }

  /** Whether something is kept from this proxy that it may yet be given: what was refused is waited for by nobody. */
  isWaiting(proxy: string): boolean {
    const isRefused = (unit: Unit) => contentsOf(unit).some((content) => this.trials.isKind(content, 'refused'));
    return this.proxies.get(proxy)?.units.some((unit) => !isRefused(unit)) ?? false;
  }

  private hear(event: CanaryEvent): void {
    switch (event.kind) {
      case 'wanted':
        this.wantAll(event);
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

  private wantAll({ proxies, gone }: Extract<CanaryEvent, { kind: 'wanted' }>): void {
    this.forgetLone(proxies, new Set(gone));
    for (const proxy of gone) this.put(proxy, undefined);
    const reader = new RolloutReader(() => this.counters.read());
    const fresh: [string, Wanted][] = [];
    for (const [proxy, wanted] of proxies) {
      const former = this.proxies.get(proxy);
      if (former === undefined) fresh.push([proxy, wanted]);
      else this.want(proxy, wanted, former, reader);
    }
    // Last: a new one begins with what its like wait for, also since this very moment.
    for (const [proxy, wanted] of fresh) this.want(proxy, wanted, undefined, reader);
    this.forgetTrials();
  }

  private want(proxy: string, wanted: Wanted, former: ProxyState | undefined, reader: RolloutReader): void {
    this.counters.compared();
    const { snapshot, owner } = wanted;
    const before = former?.base ?? this.inherited(wanted);
    const units = before === snapshot ? [] : unitsOf(before, snapshot, owner, reader.of(proxy));
    this.put(proxy, { ...wanted, base: compose(before, snapshot, units), before, units, given: former?.given });
    this.concerned.add(proxy);
  }

  private put(proxy: string, state: ProxyState | undefined): void {
    this.waiting.moved(proxy, this.proxies.get(proxy), state);
    if (state === undefined) this.proxies.delete(proxy);
    else this.proxies.set(proxy, state);
  }

  /** What a new proxy begins with: all that it is to have, but what its like are waiting for. */
  private inherited({ snapshot, mates }: Wanted): ResourceSnapshot {
    for (const proxy of this.waiting.among(mates)) {
      const mate = this.proxies.get(proxy);
      if (mate === undefined) continue;
      const inherited = compose(mate.base, snapshot, mate.units.filter(isShared));
      if (danglingIn(inherited, [snapshot, mate.base]) === undefined) return inherited;
    }
    return snapshot;
  }

  /** Drops what is known of contents that nobody waits for any more. */
  private forgetTrials(): void {
    for (const [content, trial] of this.trials.all()) {
      const goesOn =
        trial.kind !== 'tried' || this.unitsWith(trial.by, content).some((unit) => this.trials.isFree(unit, trial.by));
      if (!this.waiting.has(content) || !goesOn) this.judge(content, undefined);
    }
  }

  /** Drops refusals of what is no longer wanted. */
  private forgetLone(wanted: ReadonlyMap<string, Wanted>, gone: ReadonlySet<string>): void {
    for (const refusal of this.trials.allLone()) {
      const { proxy, typeUrl, names } = refusal;
      const then = this.proxies.get(proxy);
      const now = wanted.get(proxy) ?? (gone.has(proxy) ? undefined : then);
      const [before, after] = [then, now].map((each) =>
        names.map((name) => each?.snapshot.types.get(typeUrl)?.get(name)?.version).join(),
      );
      if (before !== after) this.trials.deleteLone(refusal);
    }
  }

  private accept(proxy: string, { typeUrl, resources }: Omit<RefusedResponse, 'message'>): void {
    const refusal = this.trials.loneOf(proxy, typeUrl);
    if (refusal?.names.every((name) => resources.has(name)) === true) this.trials.deleteLone(refusal);
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
      const isCertain = guilty.has(unit) || this.trials.isAlone(unit);
      const names = blamed.map(({ after }) => after.name);
      const refusal: Refusal = { kind: 'held', proxy, typeUrl, names, message };
      for (const content of contentsOf(unit)) if (this.trials.isKind(content, 'tried')) this.judge(content, undefined);
      for (const { content } of blamed)
        this.judge(content, isCertain ? { kind: 'refused', refusal } : { kind: 'suspected' });
    }
    const given = this.proxies.get(proxy)?.given?.types.get(typeUrl);
    const names = others.filter((name) => given?.get(name)?.version === resources.get(name));
    if (names.length > 0) this.trials.setLone({ kind: 'lone', proxy, typeUrl, names, message });
  }

  /** What was waited for long enough has passed, unless its canary is not there to say anything. */
  private giveUp(): void {
    for (const [content, by] of this.trials.overdue(this.nowMs)) {
      this.judge(content, this.connected.has(by) ? { kind: 'passed' } : undefined);
    }
  }

  private judge(content: ContentKey, trial: Trial | undefined): void {
    this.trials.set(content, trial);
    for (const proxy of this.waiting.for(content)) this.concerned.add(proxy);
  }

  /** Units that have passed become part of the last good. */
  private advance(proxy: string): void {
    const state = this.proxies.get(proxy);
    if (state === undefined || state.units.length === 0) return;
    const units = state.units.filter(
      (unit) => !contentsOf(unit).every((content) => this.trials.isKind(content, 'passed')),
    );
    if (units.length === state.units.length) return;
    this.put(proxy, { ...state, units, base: compose(state.base, state.snapshot, units), before: state.base });
  }

  private startable(): readonly string[] {
    const waits = (proxy: string) => this.connected.has(proxy) && (this.proxies.get(proxy)?.units.length ?? 0) > 0;
    return [...this.concerned].filter(waits).sort();
  }

  /** Lets a proxy try what nobody has tried yet. */
  private start(proxy: string): void {
    for (const unit of this.proxies.get(proxy)?.units ?? []) {
      const left = contentsOf(unit).filter((content) => !this.trials.isKind(content, 'passed'));
      if (!this.trials.isFree(unit, proxy) || left.every((content) => this.trials.isKind(content, 'tried'))) continue;
      const alone = left.some((content) => this.trials.isKind(content, 'suspected'));
      const others = this.triedBy(proxy).filter((each) => each !== unit);
      if (others.some((each) => alone || this.trials.isAlone(each))) continue;
      const trial: Trial = { kind: 'tried', by: proxy, untilMs: this.nowMs + canaryWaitMs, alone };
      for (const content of left) this.trials.set(content, trial);
    }
  }

  private give(): ReadonlyMap<string, ResourceSnapshot> {
    const publish = new Map<string, ResourceSnapshot>();
    for (const proxy of this.concerned) {
      const state = this.proxies.get(proxy);
      if (state === undefined) continue;
      const given = this.givenTo(proxy, state);
      if (state.given !== undefined && isSame(state.given, given)) continue;
      this.proxies.set(proxy, { ...state, given });
      publish.set(proxy, given);
    }
    return publish;
  }

  /** Made of what it was given last, where that is the same. */
  private givenTo(proxy: string, state: ProxyState): ResourceSnapshot {
    const tried = this.triedBy(proxy);
    const held = () => state.units.filter((unit) => !tried.includes(unit));
    const target = tried.length === 0 ? state.base : compose(state.base, state.snapshot, held());
    const isMadeOfIt = target === state.base && state.given === state.before;
    return state.given === undefined || isMadeOfIt ? target : compose(state.given, target, []);
  }

  /** Units that this proxy has been given to try. */
  private triedBy(proxy: string): readonly Unit[] {
    const units = this.proxies.get(proxy)?.units ?? [];
    return units.filter((unit) => this.trials.isTried(unit, proxy));
  }

  private unitsWith(proxy: string, content: ContentKey): readonly Unit[] {
    const units = this.proxies.get(proxy)?.units ?? [];
    return units.filter((unit) => contentsOf(unit).includes(content));
  }
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
