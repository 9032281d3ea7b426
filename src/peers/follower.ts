/**
 * This replica as a follower: one stream to whoever leads, and the leader's hand on the proxies here.
 *
 *   lease ──▶ whom to follow ──connect──▶ hello, everything, then what changes ──▶ leader
 *   proxies here ◀──hand── following (pure) ◀── commands ──────────────────────────┘
 *
 * While it leads itself it follows nobody. A stream from which nothing was heard for `silenceMs` is dead, and what its
 * leader had laid is taken back before another is tried.
 */
import { create } from '@bufbuild/protobuf';
import { type Command, HelloSchema, RefusalSchema, type Report, ReportSchema } from '#gen/coffre/peers/v1/peers_pb.js';
import type { EdgeLoad, EdgeRecord } from './edge-traffic.ts';
import {
  type Following,
  type FollowingEffect,
  type FollowingEvent,
  follow,
  type MovedLever,
  notFollowing,
  type Settings,
} from './following.ts';
import type { Lead } from './lead.ts';
import { retryMs, silenceMs } from './limits.ts';
import type { PeerHearing, PeerStream } from './peer-stream.ts';
import type { ProxyNews } from './proxy-news.ts';
import { noTrust, type PublishedTrust } from './published-trust.ts';
import { type PeerClock, Pulse } from './pulse.ts';
import { ReportQueue, type ReportSources } from './report-queue.ts';

export interface FollowerPorts {
  /** Its name, as `--replica` says. */
  readonly replica: string;
  readonly clock: PeerClock;
  readonly lead: Lead;
  readonly sources: ReportSources;
  readonly hand: LeadersHand;
  /** Messages may be sent at once. What goes wrong is told by `closed`, later and once. */
  connect(address: string, hearing: PeerHearing<Command>): PeerStream<Report>;
  /** 0 (included) to 1 (excluded). */
  random(): number;
  /** Must not throw. */
  observe(event: FollowerEvent): void;
}

/** What a leader may do to the proxies of its followers. Nothing in it waits or throws. */
export interface LeadersHand {
  lay(proxy: string, settings: Settings): void;
  lift(proxy: string): void;
  /** Each number once, until its `unwatch`. */
  watch(watch: number, proxies: readonly string[], cluster: string): void;
  unwatch(watch: number): void;
  /** To be kept beyond its stream. */
  lever(moved: MovedLever): void;
}

export type FollowerEvent =
  | { readonly kind: 'following'; readonly leader: string; readonly term: number }
  /** @see takenBack proxies from which a layer was lifted. */
  | { readonly kind: 'unled'; readonly why: string; readonly takenBack: number }
  /** A try to follow came to nothing. */
  | { readonly kind: 'unreached'; readonly leader: string; readonly why: string };

interface Connection {
  readonly leader: string;
  readonly stream: PeerStream<Report>;
  readonly pulse: Pulse;
  readonly queue: ReportQueue;
  /** A command came, so the leader took us in. */
  told: boolean;
}

export class Follower {
  readonly #ports: FollowerPorts;
  readonly #endOnChange: () => void;
  #state: Following = notFollowing;
  #connection: Connection | undefined;
  #waitMs: number = retryMs.first;
  #cancelRetry: () => void = () => undefined;
  /** Whom to follow. */
  #target: { readonly leader: string; readonly address: string } | undefined;
  #stopped = false;
  #trust: PublishedTrust = noTrust;

  constructor(ports: FollowerPorts) {
    this.#ports = ports;
    this.#endOnChange = ports.lead.onChange(() => this.#look());
    this.#look();
  }

  news(news: ProxyNews): void {
    if (news.kind === 'accepted' && this.#state.stream?.attends !== true) return;
    this.#connection?.queue.news(news);
  }

  /** Something was sent to the proxy of this stream, or said by it. */
  moved(stream: number): void {
    this.#connection?.queue.moved(stream);
  }

  /** It was published, and every stream's state counts from there. */
  trust(trust: PublishedTrust): void {
    this.#trust = trust;
    this.#connection?.queue.trust(trust);
  }

  load(load: EdgeLoad): void {
    if (this.#isWatched(load.cluster)) this.#connection?.queue.load(load);
  }

  record(record: EdgeRecord): void {
    if (this.#isWatched(record.cluster)) this.#connection?.queue.record(record);
  }

  stop(): void {
    this.#stopped = true;
    this.#endOnChange();
    this.#leave('the replica stops');
    this.#cancelRetry();
  }

  #isWatched(cluster: string): boolean {
    return [...(this.#state.stream?.watches.values() ?? [])].some((watched) => watched.cluster === cluster);
  }

  /** Who leads may be another. */
  #look(): void {
    const { lead, replica } = this.#ports;
    const own = lead.term();
    const leader = lead.leader();
    this.#take({ kind: 'learned', term: Math.max(own ?? 0, leader?.term ?? 0) });
    const address = own !== undefined || leader?.name === replica ? undefined : leader?.address;
    if (address === this.#target?.address) return;
    this.#target = leader === undefined || address === undefined ? undefined : { leader: leader.name, address };
    this.#leave('another leads');
    this.#waitMs = retryMs.first;
    this.#connect();
  }

  #connect(): void {
    this.#cancelRetry();
    if (this.#target === undefined || this.#stopped) return;
    const { clock, sources, replica } = this.#ports;
    const { leader, address } = this.#target;
    const stream = this.#ports.connect(address, {
      heard: (command) => this.#connection?.stream === stream && this.#heard(this.#connection, command),
      closed: (why) => this.#connection?.stream === stream && this.#lost(why),
    });
    stream.send(create(ReportSchema, { kind: { case: 'hello', value: create(HelloSchema, { replica }) } }));
    this.#take({ kind: 'opened' });
    const pulse = new Pulse(
      clock,
      () => stream.send(create(ReportSchema)),
      () => this.#lost(`nothing was heard for ${silenceMs / 1_000} s`),
    );
    const queue = new ReportQueue(clock, stream, sources, () => this.#lost('more happens than can be told'));
    if (this.#trust.steps.length > 0) queue.trust(this.#trust);
    this.#connection = { leader, stream, pulse, queue, told: false };
  }

  #heard(connection: Connection, command: Command): void {
    connection.pulse.heard();
    this.#take({ kind: 'commanded', command });
    if (this.#state.stream === undefined || connection.told) return;
    connection.told = true;
    this.#waitMs = retryMs.first;
    this.#ports.observe({ kind: 'following', leader: connection.leader, term: Number(command.term) });
  }

  /** The stream is no more, and another is tried. @param lifted what was taken back already. */
  #lost(why: string, lifted = 0): void {
    this.#leave(why, lifted);
    const waitMs = Math.round(this.#waitMs * (0.5 + this.#ports.random() / 2));
    this.#waitMs = Math.min(this.#waitMs * 2, retryMs.longest);
    this.#cancelRetry();
    this.#cancelRetry = this.#ports.clock.setTimer(waitMs, () => this.#connect());
  }

  #leave(why: string, lifted = 0): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    const takenBack = lifted + this.#take({ kind: 'closed' });
    connection.pulse.stop();
    connection.queue.stop();
    connection.stream.end(why);
    const { leader, told } = connection;
    this.#ports.observe(told ? { kind: 'unled', why, takenBack } : { kind: 'unreached', leader, why });
  }

  /** @returns how many layers were lifted. */
  #take(event: FollowingEvent): number {
    const { state, effects } = follow(this.#state, event);
    this.#state = state;
    const lifted = effects.filter(({ kind }) => kind === 'lift').length;
    for (const effect of effects) this.#perform(effect, lifted);
    return lifted;
  }

  #perform(effect: FollowingEffect, lifted: number): void {
    const { hand } = this.#ports;
    if (effect.kind === 'lay') hand.lay(effect.proxy, effect.settings);
    else if (effect.kind === 'lift') hand.lift(effect.proxy);
    else if (effect.kind === 'watch') hand.watch(effect.watch, effect.proxies, effect.cluster);
    else if (effect.kind === 'unwatch') hand.unwatch(effect.watch);
    else if (effect.kind === 'lever') hand.lever(effect.lever);
    else this.#refuse(effect.why, lifted);
  }

  #refuse(why: string, lifted: number): void {
    const value = create(RefusalSchema, { term: BigInt(this.#state.term) });
    this.#connection?.stream.send(create(ReportSchema, { kind: { case: 'refusal', value } }));
    this.#lost(why, lifted);
  }
}
