/**
 * A client of our own ADS, delta only: one stream, a wildcard per type, back again whenever it ends.
 *
 *   connect ──▶ subscribe "*" with the versions held ──▶ response ──take──▶ ACK or NACK ──▶ …
 *      ▲                                                                                   │ ended
 *      └────────────────────── wait, doubling, with jitter ◀───────────────────────────────┘
 *
 * What is held survives the stream: a control plane that is gone changes nothing.
 */
import { create } from '@bufbuild/protobuf';
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
}

export type DeltaClientEvent =
  /** The first response of a stream: it was admitted. A server with nothing new for a client that told its versions says nothing. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'ended'; readonly reason: string; readonly nextTryMs: number }
  | { readonly kind: 'taken'; readonly typeUrl: string; readonly revision: string }
  | { readonly kind: 'refused'; readonly typeUrl: string; readonly revision: string; readonly why: string };

type Stream = ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

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
      this.#end = () => stream.cancel();
      stream.on('error', (error: ServiceError) => resolve(error.details || error.message));
      stream.on('end', () => resolve('the server ended the stream'));
      stream.once('data', () => observe({ kind: 'connected' }));
      stream.on('data', (response: DeltaDiscoveryResponse) => this.#answer(stream, response));
      for (const { typeUrl, initialVersions } of subscriptions) {
        stream.write(
          create(DeltaDiscoveryRequestSchema, {
            node,
            typeUrl,
            resourceNamesSubscribe: ['*'],
            initialResourceVersions: { ...initialVersions() },
          }),
        );
      }
    });
  }

  #answer(stream: Stream, response: DeltaDiscoveryResponse): void {
    const { typeUrl, nonce, systemVersionInfo: revision } = response;
    const subscription = this.#options.subscriptions.find((candidate) => candidate.typeUrl === typeUrl);
    if (subscription === undefined) return;
    const taken = subscription.take(response);
    const errorDetail = taken.kind === 'nack' ? { errorDetail: { code: invalidArgument, message: taken.why } } : {};
    stream.write(create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce: nonce, ...errorDetail }));
    if (taken.kind === 'ack') this.#options.observe({ kind: 'taken', typeUrl, revision });
    else this.#options.observe({ kind: 'refused', typeUrl, revision, why: taken.why });
  }
}

/** google.rpc.Code. */
const invalidArgument = 3;
