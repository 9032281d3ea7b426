/**
 * Replicas of a control plane in one process: each with its own idea of who leads, on one clock that moves when told to.
 *
 *   replica ──Follower──▶ wire, 1 ms ──▶ Followers ── replica          what lies on its proxies, and what it hears of others'
 *
 * A replica may be stopped, as by SIGSTOP: no timer of its own fires and nothing reaches it until it goes on; what was
 * due meanwhile comes then, in order.
 */
import type { Command, Report } from '#gen/coffre/peers/v1/peers_pb.js';
import type { EdgeLoad, EdgeRecord } from '../../src/peers/edge-traffic.ts';
import { Follower, type FollowerEvent } from '../../src/peers/follower.ts';
import { Followers, type FollowersEvent } from '../../src/peers/followers.ts';
import type { MovedLever, Settings } from '../../src/peers/following.ts';
import type { Lead } from '../../src/peers/lead.ts';
import type { PeerHearing, PeerStream } from '../../src/peers/peer-stream.ts';
import type { ProxyNews } from '../../src/peers/proxy-news.ts';
import type { Tally } from '../../src/peers/tally.ts';
import type { ClientStatus } from '../../src/xds/client-status.ts';

/** How long a message is on its way, in ms. */
const wireMs = 1;

interface Timer {
  readonly atMs: number;
  readonly of: string;
  readonly run: () => void;
}

export interface Lease {
  readonly name: string;
  readonly term: number;
}

export class Replica {
  /** Who leads, as this replica believes. */
  lease: Lease | undefined;
  /** It takes itself for the leader, whatever the lease says. */
  believes: number | undefined;
  paused = false;
  dead = false;
  readonly clients = new Map<number, ClientStatus>();
  tallies: readonly Tally[] = [];
  /** What the leader's hand has laid here, and has had watched. */
  readonly laid = new Map<string, Settings>();
  readonly watched = new Map<number, string>();
  readonly levers: MovedLever[] = [];
  readonly heard: ProxyNews[] = [];
  readonly loads: EdgeLoad[] = [];
  readonly records: EdgeRecord[] = [];
  readonly events: (FollowerEvent | FollowersEvent)[] = [];
  readonly followers: Followers;
  readonly follower: Follower;
  readonly #listeners = new Set<() => void>();

  readonly name: string;

  constructor(world: PeerWorld, name: string) {
    this.name = name;
    const clock = { setTimer: (afterMs: number, run: () => void) => world.setTimer(name, afterMs, run) };
    this.followers = new Followers({
      clock,
      term: () => this.term(),
      hearing: {
        news: (news) => this.heard.push(news),
        load: (load) => this.loads.push(load),
        record: (record) => this.records.push(record),
      },
      observe: (event) => this.events.push(event),
    });
    const lead: Lead = {
      term: () => this.term(),
      leader: () => this.lease && { ...this.lease, address: this.lease.name },
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    this.follower = new Follower({
      ...{ replica: name, clock, lead, random: () => 0.5 },
      sources: { clients: () => [...this.clients.values()], tallies: () => this.tallies },
      connect: (address, hearing) => world.connect(name, address, hearing),
      hand: {
        lay: (proxy, settings) => this.laid.set(proxy, settings),
        lift: (proxy) => this.laid.delete(proxy),
        watch: (watch, _proxies, cluster) => this.watched.set(watch, cluster),
        unwatch: (watch) => this.watched.delete(watch),
        lever: (moved) => this.levers.push(moved),
      },
      observe: (event) => this.events.push(event),
    });
  }

  term(): number | undefined {
    return this.believes ?? (this.lease?.name === this.name ? this.lease.term : undefined);
  }

  /** It reads the lease. */
  learn(lease: Lease | undefined): void {
    this.lease = lease;
    this.tellChange();
  }

  tellChange(): void {
    for (const listener of this.#listeners) listener();
    this.followers.lookAgain();
  }

  /** A proxy opens a stream here. */
  open(stream: number, proxy: string): void {
    this.clients.set(stream, clientOf(stream, proxy));
    this.follower.news({ kind: 'opened', proxy });
    this.follower.moved(stream);
  }

  close(stream: number): void {
    const proxy = this.clients.get(stream)?.key ?? '';
    this.clients.delete(stream);
    this.follower.news({ kind: 'closed', proxy });
    this.follower.moved(stream);
  }
}

export class PeerWorld {
  readonly replicas = new Map<string, Replica>();
  #nowMs = 0;
  #timers: Timer[] = [];
  readonly #wires = new Set<Wire>();

  constructor(...names: readonly string[]) {
    for (const name of names) this.replicas.set(name, new Replica(this, name));
  }

  replica(name: string): Replica {
    const found = this.replicas.get(name);
    if (found === undefined) throw new Error(`no replica \`${name}\``);
    return found;
  }

  /** Every replica that is awake reads the lease. */
  elect(lease: Lease | undefined): void {
    for (const replica of this.replicas.values()) if (!replica.paused && !replica.dead) replica.learn(lease);
  }

  setTimer(of: string, afterMs: number, run: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + afterMs, of, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      // What is said at the end of a turn is said before time goes on.
      await Promise.resolve();
      const due = this.#timers.filter(({ atMs, of }) => atMs <= untilMs && this.#isAwake(of));
      const next = due.sort((left, right) => left.atMs - right.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = untilMs;
  }

  /** Its process ends, and every connection of it is reset. */
  kill(name: string): void {
    const replica = this.replica(name);
    replica.dead = true;
    for (const wire of [...this.#wires]) if (wire.ends.includes(name)) wire.cut();
    this.#timers = this.#timers.filter(({ of }) => of !== name);
  }

  connect(from: string, to: string, hearing: PeerHearing<Command>): PeerStream<Report> {
    const wire = new Wire(this, from, to);
    this.#wires.add(wire);
    if (this.replica(to).dead) wire.cut();
    return wire.open(hearing);
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire);
  }

  #isAwake(name: string): boolean {
    const { paused, dead } = this.replica(name);
    return !paused && !dead;
  }
}

/** One connection: what either end says reaches the other in order, and its end too. */
class Wire {
  readonly ends: readonly [string, string];
  readonly #world: PeerWorld;
  #here: PeerHearing<Command> | undefined;
  #there: PeerHearing<Report> | undefined;
  #isCut = false;

  constructor(world: PeerWorld, from: string, to: string) {
    this.#world = world;
    this.ends = [from, to];
  }

  open(hearing: PeerHearing<Command>): PeerStream<Report> {
    const [from, to] = this.ends;
    this.#here = hearing;
    const commands = this.#end<Command>(from, () => this.#here);
    this.#world.setTimer(to, wireMs, () => {
      if (!this.#isCut) this.#there = this.#world.replica(to).followers.take(commands);
    });
    return this.#end<Report>(to, () => this.#there);
  }

  /** Both ends are told, each once it is awake. */
  cut(): void {
    this.#isCut = true;
    this.#world.forget(this);
    const [from, to] = this.ends;
    this.#world.setTimer(from, wireMs, () => this.#here?.closed('reset'));
    this.#world.setTimer(to, wireMs, () => this.#there?.closed('reset'));
  }

  #end<Sent>(to: string, hearing: () => PeerHearing<Sent> | undefined): PeerStream<Sent> {
    let isOver = false;
    return {
      unsent: 0,
      send: (message) => {
        if (isOver || this.#isCut) return;
        this.#world.setTimer(to, wireMs, () => hearing()?.heard(message));
      },
      end: (why) => {
        if (isOver || this.#isCut) return;
        isOver = true;
        this.#world.setTimer(to, wireMs, () => hearing()?.closed(why));
      },
    };
  }
}

export function clientOf(stream: number, key: string): ClientStatus {
  return {
    ...{ stream, key, protocol: 'delta', nodeId: key, address: '10.1.0.1:4000', openedAtMs: 5, takesTtl: true },
    types: [
      {
        ...{ typeUrl: 'type/cds', wildcard: true, names: 1, asked: new Set(), sentVersion: '2', ackedVersion: '1' },
        ...{ sentAtMs: 7, ackedAtMs: 6, nackedAtMs: 8, state: 'NACKED' },
        nack: { nonce: 'n', version: '2', code: 3, message: 'no such cluster' },
      },
    ],
  };
}
