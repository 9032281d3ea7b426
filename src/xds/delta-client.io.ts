/**
 * A client of our own ADS, delta only: one stream, a wildcard per type, back again whenever it ends.
 *
 *   connect ──▶ subscribe "*" with the versions held ──▶ response ──take──▶ kept ──▶ ACK, or at once NACK ──▶ …
 *      ▲                                                                                   │ ended
 *      └────────────────────── wait, doubling, with jitter ◀───────────────────────────────┘
 *
 * What is held survives the stream: a control plane that is gone changes nothing. What is taken counts at once; what is
 * acknowledged is also what a process that is killed may begin with again.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type ClientDuplexStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { GrpcClient } from '../grpc/grpc-client.ts';
import type { Clock } from './ports.ts';

/** First and longest wait before the next try, in ms. Half of each is jitter. */
const backoffMs = { first: 100, longest: 10_000 } as const;
/** A stream that lived this long was a good one: the next wait begins small again, in ms. */
const goodStreamMs = 5_000;

export interface DeltaClientOptions {
  readonly node: { readonly id: string; readonly cluster: string };
  /** A fresh client for each try: address, trust and token may have changed on disk. A rejection is a failed try. */
  connect(): Promise<{ readonly client: GrpcClient; readonly metadata: ReadonlyMap<string, string> }>;
  readonly subscriptions: readonly Subscription[];
  readonly clock: Clock;
  /** 0 (included) to 1 (excluded). */
  random(): number;
  observe(event: DeltaClientEvent): void;
}

export interface Subscription {
  readonly typeUrl: string;
  initialVersions(): Readonly<Record<string, string>>;
  /** Takes a response whole, or says why not. */
  take(response: DeltaDiscoveryResponse): { readonly kind: 'ack' } | { readonly kind: 'nack'; readonly why: string };
  /** Resolves when what was taken last is kept, or was waited for long enough: then it is acknowledged. Never rejects. Absent: at once. */
  kept?(): Promise<void>;
}

export type DeltaClientEvent =
  /** The first response of a stream: it was admitted. A server with nothing new for a client that told its versions says nothing. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'ended'; readonly reason: string; readonly nextTryMs: number }
  | { readonly kind: 'taken'; readonly typeUrl: string; readonly revision: string }
  | { readonly kind: 'refused'; readonly typeUrl: string; readonly revision: string; readonly why: string };

type Stream = ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;
/** To a stream that is over nothing is written. */
type Write = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) => void;

export class DeltaClient {
  readonly #options: DeltaClientOptions;
  #waitMs: number = backoffMs.first;
  #stopped = false;
  #end: () => void = () => undefined;

  constructor(options: DeltaClientOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#try();
  }

  stop(): void {
    this.#stopped = true;
    this.#end();
  }

  async #try(): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.nowMs();
    const reason = await this.#serve().catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    if (this.#stopped) return;
    if (clock.nowMs() - startedMs >= goodStreamMs) this.#waitMs = backoffMs.first;
    const nextTryMs = Math.round(this.#waitMs * (0.5 + this.#options.random() / 2));
    this.#waitMs = Math.min(this.#waitMs * 2, backoffMs.longest);
    this.#options.observe({ kind: 'ended', reason, nextTryMs });
    this.#end = clock.setTimer(nextTryMs, () => void this.#try());
  }

  /** One stream, from its beginning to its end. @returns why it ended. */
  async #serve(): Promise<string> {
    const { client, metadata } = await this.#options.connect();
    try {
      if (this.#stopped) return 'stopped';
      const headers = new Metadata();
      for (const [name, value] of metadata) headers.set(name, value);
      return await this.#run(client.stream(AggregatedDiscoveryService.method.deltaAggregatedResources, headers));
    } finally {
      client.close();
    }
  }

  #run(stream: Stream): Promise<string> {
    const { node, subscriptions, observe } = this.#options;
    return new Promise((resolve) => {
      let isOver = false;
      const end = (reason: string) => {
        isOver = true;
        resolve(reason);
      };
      const write: Write = (request) => {
        if (!isOver) stream.write(create(DeltaDiscoveryRequestSchema, request));
      };
      this.#end = () => stream.cancel();
      stream.on('error', (error: ServiceError) => end(error.details || error.message));
      stream.on('end', () => end('the server ended the stream'));
      stream.once('data', () => observe({ kind: 'connected' }));
      stream.on('data', (response: DeltaDiscoveryResponse) => void this.#answer(response, write));
      for (const { typeUrl, initialVersions } of subscriptions) {
        write({ node, typeUrl, resourceNamesSubscribe: ['*'], initialResourceVersions: { ...initialVersions() } });
      }
    });
  }

  async #answer(response: DeltaDiscoveryResponse, write: Write): Promise<void> {
    const { observe, subscriptions } = this.#options;
    const { typeUrl, nonce, systemVersionInfo: revision } = response;
    const subscription = subscriptions.find((candidate) => candidate.typeUrl === typeUrl);
    if (subscription === undefined) return;
    const taken = subscription.take(response);
    if (taken.kind === 'nack') {
      write({ typeUrl, responseNonce: nonce, errorDetail: { code: invalidArgument, message: taken.why } });
      observe({ kind: 'refused', typeUrl, revision, why: taken.why });
      return;
    }
    observe({ kind: 'taken', typeUrl, revision });
    await subscription.kept?.();
    write({ typeUrl, responseNonce: nonce });
  }
}

/** google.rpc.Code. */
const invalidArgument = 3;
