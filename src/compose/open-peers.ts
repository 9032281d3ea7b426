/**
 * Every proxy of the mesh, whichever replica serves it: what drills and status hear of them, and do to them.
 *
 *   proxies here ──events, loads, records──┬──▶ our own drills ◀── followers, while this replica leads
 *                                          └──▶ the leader, while it follows one ──layers, watches──▶ proxies here
 *
 * Where there is one replica and can be no other, nobody follows: then this is that replica alone.
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import type { LeverRecord } from '../chaos/lever.ts';
import type { DrillLayers } from '../chaos/ports.ts';
import type { WatchLoads } from '../chaos/probe/edge-watches.ts';
import type { EdgeLoad, EdgeRecord } from '../chaos/probe/traffic-window.ts';
import { drillLayers } from '../controller/drill-layers.ts';
import type { ProxyRecord } from '../evidence/access-log/access-log-service.io.ts';
import { createGrpcServer, type GrpcServer } from '../grpc/grpc-server.ts';
import { type Authority, defaultServerDnsName } from '../identity/authority.ts';
import type { Leadership } from '../kube/lease/leadership.ts';
import { controlPlaneSpiffeId } from '../model/system-namespace.ts';
import { Follower } from '../peers/follower.ts';
import { Followers } from '../peers/followers.ts';
import { messageBytesMax } from '../peers/limits.ts';
import { PeersClient } from '../peers/peers-client.io.ts';
import { addPeersService } from '../peers/peers-service.io.ts';
import type { ProxyNews } from '../peers/proxy-news.ts';
import type { PublishedTrust } from '../peers/published-trust.ts';
import type { Tally } from '../peers/tally.ts';
import { twoHands } from '../peers/two-hands.ts';
import { systemClock } from '../system-clock.ts';
import type { SnapshotCache } from '../xds/cache.ts';
import type { ClientStatus } from '../xds/client-status.ts';
import type { LoadReport } from '../xds/load-service.io.ts';
import type { XdsEvent } from '../xds/xds-event.ts';
import { proxyNewsOf } from './proxy-news-of.ts';

/** Age at which a follower is asked for a new connection, in ms: a drill loses its proxies by it, so seldom. */
const connectionAgeMaxMs = 12 * 3_600_000;

export interface PeersHost {
  /** As `--replica` says. */
  readonly replica: string;
  /** `host:port` at which followers are heard; undefined where there can be none. */
  readonly address: string | undefined;
  readonly leadership: Leadership;
  readonly authority: Authority;
  readonly cache: SnapshotCache;
  /** Every open stream of a proxy here. */
  clients(): readonly ClientStatus[];
  /** How far proxies here have come with each object. */
  tallies(): readonly Tally[];
  /** Asks proxies here for their load. */
  watchLoads(proxies: readonly string[], cluster: string): () => void;
  /** What a person asked at a follower: JSON in, JSON out. */
  answer(question: Uint8Array): Promise<Uint8Array>;
  readonly log: Logger;
}

/** What drills hear of proxies, of this replica and of its followers. */
export interface DrillHearing {
  news(news: ProxyNews): void;
  load(load: EdgeLoad): void;
  record(record: EdgeRecord): void;
  /** The leader has moved the safety lever. */
  lever(moved: LeverRecord): void;
}

export type Peers = ReturnType<typeof openPeers>;

export function openPeers(host: PeersHost) {
  const { replica, address, leadership, authority, cache, log } = host;
  const { clock, nowMs } = { clock: systemClock, nowMs: systemClock.nowMs };
  const hands = twoHands(drillLayers(cache));
  let drills: DrillHearing | undefined;
  const followers = new Followers({
    clock,
    term: () => leadership.term(),
    hearing: {
      news: (news) => drills?.news(news),
      load: (load) => drills?.load({ ...load, atMs: nowMs() }),
      record: (record) => drills?.record({ ...record, atMs: nowMs() }),
    },
    observe: ({ kind, ...details }) =>
      log.info(details, kind === 'joined' ? 'a replica follows this one' : 'a replica follows this one no more'),
  });
  const client = new PeersClient(() => {
    const certificate = authority.clientCredentials();
    return certificate && { certificate, serverName: defaultServerDnsName, serverCaPem: authority.rootPem };
  });
  const stops = new Map<number, () => void>();
  const follower = new Follower({
    ...{ replica, clock, lead: leadership, random: Math.random },
    sources: { clients: host.clients, tallies: host.tallies },
    connect: (to, hearing) => client.connect(to, hearing),
    hand: {
      ...hands.leaders,
      watch: (watch, proxies, cluster) => void stops.set(watch, host.watchLoads(proxies, cluster)),
      lever: (moved) => drills?.lever(moved),
      unwatch(watch) {
        stops.get(watch)?.();
        stops.delete(watch);
      },
    },
    observe({ kind, ...details }) {
      if (kind === 'following') log.info(details, 'this replica follows the leader');
      else if (kind === 'unreached') log.debug(details, 'the leader cannot be followed yet');
      else log.warn(details, 'this replica follows nobody; what its leader had laid on proxies is taken back');
    },
  });
  const server = address === undefined ? undefined : listenTo(address);

  function listenTo(at: string): GrpcServer {
    const listening = createGrpcServer({
      ...{ address: at, tls: tlsOf(authority), requireClientCertificate: true },
      ...{ connectionAgeMaxMs, receiveMessageBytesMax: messageBytesMax },
    });
    addPeersService(listening, {
      ...{ spiffeId: controlPlaneSpiffeId(authority.trustDomain), clock, answer: host.answer },
      take: (stream) => followers.take(stream),
      refused: (from, why) => log.warn({ from, why }, 'somebody came to the door of the replicas and is none'),
    });
    return listening;
  }

  return {
    /** Not bound yet. */
    server,
    /** Every open stream of a proxy, here and at the followers. */
    clients: () => [...host.clients(), ...followers.clients()],
    /** At each follower: what it told its proxies of the CAs, and what they said. */
    trust: () => followers.trust(),
    /** What was published here says this. */
    published: (trust: PublishedTrust) => follower.trust(trust),
    /** What each follower has counted. */
    tallies: () => followers.tallies(),
    layers: {
      lay(proxy, settings) {
        hands.own.lay(proxy, settings);
        followers.lay(proxy, settings);
      },
      lift(proxy) {
        hands.own.lift(proxy);
        followers.lift(proxy);
      },
    } satisfies DrillLayers,
    watchLoads: ((proxies, cluster) => {
      const ends = [host.watchLoads(proxies, cluster), followers.watch(proxies, cluster)];
      return () => {
        for (const end of ends) end();
      };
    }) satisfies WatchLoads,
    /** It was moved here. */
    lever: (moved: LeverRecord) => followers.lever(moved),
    /** Whether a drill wants to hear what proxies accept. */
    attend: (on: boolean) => followers.attend(on),
    listen(hearing: DrillHearing) {
      drills = hearing;
    },
    /** An event of our own xDS server. */
    heard(event: XdsEvent) {
      const news = proxyNewsOf(event);
      if (news !== undefined) {
        drills?.news(news);
        follower.news(news);
      }
      if ('stream' in event) follower.moved(event.stream);
    },
    loaded(load: LoadReport) {
      drills?.load(load);
      follower.load(load);
    },
    logged(record: ProxyRecord) {
      drills?.record(record);
      follower.record(record);
    },
    /** Asks whoever leads. @returns undefined where there is no answer, or this replica leads. */
    async ask(question: Uint8Array): Promise<Uint8Array | undefined> {
      const leader = leadership.term() === undefined ? leadership.leader() : undefined;
      if (leader?.address === undefined || leader.name === replica) return undefined;
      return client.ask(leader.address, question);
    },
    /** Who leads may be another. */
    lookAgain: () => followers.lookAgain(),
    /** With the control plane's newest certificate. */
    rotate: () => void server?.rotate(tlsOf(authority)),
    stop() {
      follower.stop();
      followers.stop();
    },
  };
}

function tlsOf(authority: Authority) {
  const credentials = authority.serverCredentials();
  if (credentials === undefined) throw new Error('the CA has no certificate for the control plane itself');
  return { ...credentials, clientCaPem: authority.rootPem };
}
