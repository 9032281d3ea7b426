/**
 * What a follower has to tell its leader, gathered for a moment and cut into messages.
 *
 *   news in order ─────────────────20 ms──┐
 *   streams that moved, newest state ──────500 ms──┴──▶ reports        loads and records: at once, or left out
 *
 * News is told whole or not at all: with too much of it waiting the stream is ended, and begins anew with everything.
 */
import { create } from '@bufbuild/protobuf';
import {
  ClientsSchema,
  LoadsSchema,
  NewsSchema,
  RecordsSchema,
  type Report,
  ReportSchema,
  TalliesSchema,
  TrustSchema,
} from '#gen/coffre/peers/v1/peers_pb.js';
import type { ClientStatus } from '../xds/client-status.ts';
import { clientMessage } from './client-message.ts';
import { type EdgeLoad, type EdgeRecord, loadMessage, recordMessage } from './edge-traffic.ts';
import {
  clientsMs,
  lossyUnsentMax,
  namesPerMessageMax,
  newsMs,
  newsWaitingMax,
  perMessageMax,
  talliesMs,
} from './limits.ts';
import type { PeerStream } from './peer-stream.ts';
import { newsMessage, type ProxyNews } from './proxy-news.ts';
import type { PublishedTrust } from './published-trust.ts';
import type { PeerClock } from './pulse.ts';
import { isSameTally, type Tally, tallyMessage } from './tally.ts';

export interface ReportSources {
  /** Every open stream of a proxy here. */
  clients(): readonly ClientStatus[];
  /** Of every object that may concern a proxy. */
  tallies(): readonly Tally[];
}

export class ReportQueue {
  readonly #clock: PeerClock;
  readonly #stream: PeerStream<Report>;
  readonly #sources: ReportSources;
  readonly #overwhelmed: () => void;
  #news: ProxyNews[] = [];
  #cancelNews: (() => void) | undefined;
  /** Numbers of streams of which something else is to be told. */
  #moved = new Set<number>();
  #cancelClients: (() => void) | undefined;
  /** As they were told last, by id. */
  #tallies: ReadonlyMap<string, Tally> = new Map();
  #cancelTallies: () => void = () => undefined;
  /** Numbers of streams that were told of and are there still. */
  #told = new Set<number>();

  /** Tells of every stream that is open now. @param overwhelmed more happens than can be told: it is to be stopped. */
  constructor(clock: PeerClock, stream: PeerStream<Report>, sources: ReportSources, overwhelmed: () => void) {
    this.#clock = clock;
    this.#stream = stream;
    this.#sources = sources;
    this.#overwhelmed = overwhelmed;
    const open = sources.clients();
    this.#news = open.map(({ key }) => ({ kind: 'opened', proxy: key }));
    this.#moved = new Set(open.map(({ stream }) => stream));
    this.#tellNews();
    this.#tellClients();
    this.#tellTallies();
  }

  news(news: ProxyNews): void {
    if (this.#news.length >= newsWaitingMax) {
      this.#overwhelmed();
      return;
    }
    this.#news.push(news);
    this.#cancelNews ??= this.#clock.setTimer(newsMs, () => this.#tellNews());
  }

  /** Something was sent to the proxy of this stream, or said by it. */
  moved(stream: number): void {
    this.#moved.add(stream);
    this.#cancelClients ??= this.#clock.setTimer(clientsMs, () => this.#tellClients());
  }

  /** With the newest state of every stream before it: whoever hears it knows that this state is of this publication or a later one. */
  trust({ steps, untold }: PublishedTrust): void {
    for (const { stream } of this.#sources.clients()) this.#moved.add(stream);
    this.#cancelClients?.();
    this.#tellClients();
    const value = create(TrustSchema, { steps: [...steps], untold: untold.slice(0, perMessageMax) });
    this.#send({ case: 'trust', value });
  }

  load(load: EdgeLoad): void {
    if (this.#stream.unsent > lossyUnsentMax) return;
    this.#send({ case: 'loads', value: create(LoadsSchema, { loads: [loadMessage(load)] }) });
  }

  record(record: EdgeRecord): void {
    if (this.#stream.unsent > lossyUnsentMax) return;
    this.#send({ case: 'records', value: create(RecordsSchema, { records: [recordMessage(record)] }) });
  }

  stop(): void {
    this.#cancelNews?.();
    this.#cancelClients?.();
    this.#cancelTallies();
  }

  #tellNews(): void {
    this.#cancelNews = undefined;
    const waiting = this.#news;
    this.#news = [];
    for (const news of piecesOf(waiting)) {
      this.#send({ case: 'news', value: create(NewsSchema, { news: news.map(newsMessage) }) });
    }
  }

  #tellClients(): void {
    this.#cancelClients = undefined;
    const open = new Map(this.#sources.clients().map((client) => [client.stream, client]));
    const changed = [...this.#moved].flatMap((stream) => open.get(stream) ?? []);
    const gone = [...this.#told].filter((stream) => !open.has(stream));
    this.#moved = new Set();
    for (const { stream } of changed) this.#told.add(stream);
    for (const stream of gone) this.#told.delete(stream);
    for (let at = 0; at < Math.max(changed.length, gone.length); at += perMessageMax) {
      const value = create(ClientsSchema, {
        changed: changed.slice(at, at + perMessageMax).map(clientMessage),
        gone: gone.slice(at, at + perMessageMax),
      });
      this.#send({ case: 'clients', value });
    }
  }

  #tellTallies(): void {
    this.#cancelTallies = this.#clock.setTimer(talliesMs, () => this.#tellTallies());
    const newest = new Map(this.#sources.tallies().map((tally) => [tally.id, tally]));
    const changed = [...newest.values()].filter((tally) => !isSameTally(this.#tallies.get(tally.id), tally));
    const gone = [...this.#tallies.keys()].filter((id) => !newest.has(id));
    this.#tallies = newest;
    for (let at = 0; at < Math.max(changed.length, gone.length); at += perMessageMax) {
      const value = create(TalliesSchema, {
        changed: changed.slice(at, at + perMessageMax).map(tallyMessage),
        gone: gone.slice(at, at + perMessageMax),
      });
      this.#send({ case: 'tallies', value });
    }
  }

  #send(kind: Report['kind']): void {
    this.#stream.send(create(ReportSchema, { kind }));
  }
}

/** In order, each with few enough news and names of resources. */
function piecesOf(news: readonly ProxyNews[]): readonly (readonly ProxyNews[])[] {
  const pieces: ProxyNews[][] = [];
  let names = 0;
  for (const each of news) {
    const last = pieces.at(-1);
    const more = each.kind === 'accepted' ? each.resources.length : 0;
    if (last === undefined || last.length >= perMessageMax || names + more > namesPerMessageMax) {
      pieces.push([each]);
      names = more;
    } else {
      last.push(each);
      names += more;
    }
  }
  return pieces;
}
