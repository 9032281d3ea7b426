/**
 * The leader's side: every follower's stream, what is known of its proxies, and what was laid on them.
 *
 *   lay, lift, watch, attend ──with the term of this moment──▶ every follower
 *   hearing ◀── news, loads, records ── follower              a follower that is gone: its proxies are refused
 *
 * What lies is laid at every follower, wherever a proxy is: one that moves from replica to replica keeps its fault. The
 * term is asked for right before each command, and where there is none every stream is ended: whoever has been the
 * leader commands nobody.
 */
import { create } from '@bufbuild/protobuf';
import {
  AttendSchema,
  type Command,
  CommandSchema,
  type Layer,
  LayerSchema,
  LayersSchema,
  LeverSchema,
  type Report,
  UnwatchSchema,
  WatchSchema,
} from '#gen/coffre/peers/v1/peers_pb.js';
import type { ClientStatus } from '../xds/client-status.ts';
import { clientOf } from './client-message.ts';
import { type EdgeLoad, type EdgeRecord, loadOf, recordOf } from './edge-traffic.ts';
import type { MovedLever, Settings, Watched } from './following.ts';
import { followersMax, perMessageMax, replicaNameMax, silenceMs } from './limits.ts';
import type { PeerHearing, PeerStream } from './peer-stream.ts';
import { newsOf, type ProxyNews } from './proxy-news.ts';
import { noTrust, type PublishedTrust } from './published-trust.ts';
import { type PeerClock, Pulse } from './pulse.ts';
import { type Tally, tallyOf } from './tally.ts';

export interface FollowersPorts {
  readonly clock: PeerClock;
  /** Of this replica, while it leads. */
  term(): number | undefined;
  /** What is heard of the followers' proxies. None of it may throw. */
  readonly hearing: ProxyHearing;
  /** Must not throw. */
  observe(event: FollowersEvent): void;
}

export interface ProxyHearing {
  news(news: ProxyNews): void;
  load(load: EdgeLoad): void;
  record(record: EdgeRecord): void;
}

export type FollowersEvent =
  | { readonly kind: 'joined'; readonly replica: string; readonly followers: number }
  | { readonly kind: 'parted'; readonly replica: string; readonly why: string; readonly proxies: number };

interface Attached {
  readonly replica: string;
  readonly stream: PeerStream<Command>;
  readonly pulse: Pulse;
  /** By number of the stream. */
  readonly clients: Map<number, ClientStatus>;
  /** Open streams by proxy, as the news told. */
  readonly streams: Map<string, number>;
  trust: PublishedTrust;
  /** By id of the object. */
  readonly tallies: Map<string, Tally>;
}

/** What is known of one follower's proxies. */
export interface FollowerTrust extends PublishedTrust {
  readonly clients: readonly ClientStatus[];
}

const nothing: Settings = new Map();

export class Followers {
  readonly #ports: FollowersPorts;
  readonly #attached = new Map<string, Attached>();
  readonly #laid = new Map<string, Settings>();
  readonly #watches = new Map<number, Watched>();
  #newestWatch = 0;
  #attends = false;
  #lever: MovedLever | undefined;
  /** What is to be said in this turn, by proxy. */
  #unsaid = new Map<string, Settings>();

  constructor(ports: FollowersPorts) {
    this.#ports = ports;
  }

  /** A follower's stream was opened, and its sender proven to be a control plane. */
  take(stream: PeerStream<Command>): PeerHearing<Report> {
    let attached: Attached | undefined;
    const isOurs = () => attached !== undefined && this.#attached.get(attached.replica) === attached;
    return {
      heard: ({ kind }) => {
        if (attached !== undefined) return isOurs() ? this.#heard(attached, kind) : undefined;
        if (kind.case !== 'hello') return stream.end('the first word is no hello');
        attached = this.#attach(kind.value.replica, stream);
      },
      closed: (why) => {
        if (attached !== undefined && isOurs()) this.#part(attached, why);
      },
    };
  }

  /** Every stream of a proxy at a follower. */
  clients(): readonly ClientStatus[] {
    return [...this.#attached.values()].flatMap(({ clients }) => [...clients.values()]);
  }

  /** What each follower told its proxies, and what they said to it. */
  trust(): readonly FollowerTrust[] {
    return Array.from(this.#attached.values(), ({ clients, trust }) => ({ ...trust, clients: [...clients.values()] }));
  }

  /** What each follower has counted. */
  tallies(): readonly (readonly Tally[])[] {
    return Array.from(this.#attached.values(), ({ tallies }) => [...tallies.values()]);
  }

  lay(proxy: string, settings: Settings): void {
    this.#laid.set(proxy, settings);
    this.#say(proxy, settings);
  }

  lift(proxy: string): void {
    this.#laid.delete(proxy);
    this.#say(proxy, nothing);
  }

  /** @returns what ends it, and may be called twice. */
  watch(proxies: readonly string[], cluster: string): () => void {
    this.#newestWatch += 1;
    const watch = this.#newestWatch;
    this.#watches.set(watch, { proxies, cluster });
    this.#command(watchOf(watch, { proxies, cluster }));
    return () => {
      if (!this.#watches.delete(watch)) return;
      this.#command({ case: 'unwatch', value: create(UnwatchSchema, { watch }) });
    };
  }

  /** As it stands at the leader: every follower is told, also those that come later. */
  lever(moved: MovedLever): void {
    this.#lever = moved;
    this.#command({ case: 'lever', value: create(LeverSchema, moved) });
  }

  /** Whether acceptances are to be told. */
  attend(on: boolean): void {
    if (this.#attends === on) return;
    this.#attends = on;
    this.#command({ case: 'attend', value: create(AttendSchema, { on }) });
  }

  /** The term may be another, or none. */
  lookAgain(): void {
    if (this.#ports.term() === undefined) this.#partAll('this replica leads no more');
  }

  stop(): void {
    this.#partAll('the leader stops');
  }

  #attach(replica: string, stream: PeerStream<Command>): Attached | undefined {
    if (this.#ports.term() === undefined) return refused(stream, 'this replica does not lead');
    if (replica === '' || replica.length > replicaNameMax) return refused(stream, 'a follower without a name');
    const former = this.#attached.get(replica);
    if (former !== undefined) this.#part(former, 'it came back on another stream');
    if (this.#attached.size >= followersMax) return refused(stream, 'there are too many followers');
    const attached: Attached = {
      ...{ replica, stream, clients: new Map(), streams: new Map(), trust: noTrust, tallies: new Map() },
      pulse: new Pulse(
        this.#ports.clock,
        () => this.#tell([attached], { case: undefined }),
        () => this.#part(attached, `nothing was heard for ${silenceMs / 1_000} s`),
      ),
    };
    this.#attached.set(replica, attached);
    this.#tell([attached], { case: 'attend', value: create(AttendSchema, { on: this.#attends }) });
    if (this.#lever !== undefined) {
      this.#tell([attached], { case: 'lever', value: create(LeverSchema, this.#lever) });
    }
    for (const [watch, watched] of this.#watches) this.#tell([attached], watchOf(watch, watched));
    this.#tellLayers([attached], this.#laid);
    this.#ports.observe({ kind: 'joined', replica, followers: this.#attached.size });
    return attached;
  }

  #heard(attached: Attached, kind: Report['kind']): void {
    const { hearing } = this.#ports;
    attached.pulse.heard();
    if (kind.case === 'clients') {
      for (const client of kind.value.changed) attached.clients.set(client.stream, clientOf(client));
      for (const stream of kind.value.gone) attached.clients.delete(stream);
    } else if (kind.case === 'news') {
      for (const news of kind.value.news.flatMap((message) => newsOf(message) ?? [])) {
        count(attached.streams, news);
        hearing.news(news);
      }
    } else if (kind.case === 'loads') {
      for (const load of kind.value.loads) hearing.load(loadOf(load));
    } else if (kind.case === 'records') {
      for (const record of kind.value.records) hearing.record(recordOf(record));
    } else if (kind.case === 'tallies') {
      for (const tally of kind.value.changed) attached.tallies.set(tally.id, tallyOf(tally));
      for (const id of kind.value.gone) attached.tallies.delete(id);
    } else if (kind.case === 'trust') {
      attached.trust = { steps: kind.value.steps, untold: kind.value.untold };
    } else if (kind.case === 'refusal') {
      this.#part(attached, `it follows a leader of term ${kind.value.term}`);
    }
  }

  /** What lies on its proxies it takes back by itself, or they do; here they count as out of reach until they are seen. */
  #part(attached: Attached, why: string): void {
    const { replica, stream, pulse, streams } = attached;
    if (this.#attached.get(replica) !== attached) return;
    this.#attached.delete(replica);
    pulse.stop();
    stream.end(why);
    this.#ports.observe({ kind: 'parted', replica, why, proxies: streams.size });
    const { hearing } = this.#ports;
    const lost = `its replica \`${replica}\` is out of reach (${why}), and takes the fault back by itself`;
    for (const [proxy, open] of streams) {
      if (this.#laid.has(proxy)) hearing.news({ kind: 'refused', proxy, why: lost });
      for (let each = 0; each < open; each += 1) hearing.news({ kind: 'closed', proxy });
    }
  }

  #partAll(why: string): void {
    for (const attached of [...this.#attached.values()]) this.#part(attached, why);
  }

  /** Said at the end of this turn, as one: a drill strikes many at once. */
  #say(proxy: string, settings: Settings): void {
    if (this.#attached.size === 0) return;
    if (this.#unsaid.size === 0) {
      queueMicrotask(() => {
        const said = this.#unsaid;
        this.#unsaid = new Map();
        this.#tellLayers([...this.#attached.values()], said);
      });
    }
    this.#unsaid.set(proxy, settings);
  }

  #tellLayers(to: readonly Attached[], settings: ReadonlyMap<string, Settings>): void {
    for (const layers of layersOf(settings)) {
      this.#tell(to, { case: 'layers', value: create(LayersSchema, { layers: [layers] }) });
    }
  }

  #command(kind: Command['kind']): void {
    this.#tell([...this.#attached.values()], kind);
  }

  #tell(to: readonly Attached[], kind: Command['kind']): void {
    const term = this.#ports.term();
    if (term === undefined) this.#partAll('this replica leads no more');
    else for (const { stream } of to) stream.send(create(CommandSchema, { term: BigInt(term), kind }));
  }
}

function refused(stream: PeerStream<Command>, why: string): undefined {
  stream.end(why);
}

function count(streams: Map<string, number>, { kind, proxy }: ProxyNews): void {
  const open = streams.get(proxy) ?? 0;
  if (kind === 'opened') streams.set(proxy, open + 1);
  else if (kind === 'closed' && open > 1) streams.set(proxy, open - 1);
  else if (kind === 'closed') streams.delete(proxy);
}

function watchOf(watch: number, { proxies, cluster }: Watched): Command['kind'] {
  return { case: 'watch', value: create(WatchSchema, { watch, proxies: [...proxies], cluster }) };
}

/** Those that get the same are told together, as many as fit. */
function layersOf(settings: ReadonlyMap<string, Settings>): readonly Layer[] {
  const alike = Map.groupBy(settings, ([, each]) => JSON.stringify([...each]));
  return [...alike.values()].flatMap((group) => {
    const values = Object.fromEntries(group[0]?.[1] ?? []);
    const proxies = group.map(([proxy]) => proxy);
    return Array.from({ length: Math.ceil(proxies.length / perMessageMax) }, (_, index) =>
      create(LayerSchema, {
        proxies: proxies.slice(index * perMessageMax, (index + 1) * perMessageMax),
        settings: values,
      }),
    );
  });
}
