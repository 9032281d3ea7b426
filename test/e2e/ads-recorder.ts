/**
 * Writes down what a real client says on its ADS stream, and what it was answered: one entry per thing that happened.
 *
 *   Envoy ──request──▶ recorder ──▶ server        entries: test/xds/recording.ts, which also replays them
 *
 * Of the node only what the server reads is kept, and only where it reads it, in the first request of a stream: the list
 * of Envoy's extensions is longer than all the rest together. Of the text of a refusal the first line is.
 */
import { create, fromBinary, toJson } from '@bufbuild/protobuf';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { NodeSchema } from '#gen/envoy/config/core/v3/base_pb.js';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { SnapshotListener } from '../../src/xds/cache.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import type { XdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { type Entry, typesOf } from '../xds/recording.ts';

type Calls = Readonly<Record<string, (call: ServerDuplexStream<Buffer, Buffer>) => void>>;

export class AdsRecorder implements SnapshotListener {
  readonly entries: Entry[] = [];
  readonly #schema;
  readonly #startedMs = Date.now();

  constructor(protocol: 'sotw' | 'delta') {
    this.#schema = protocol === 'sotw' ? DiscoveryRequestSchema : DeltaDiscoveryRequestSchema;
  }

  takesTtl(): boolean {
    return true;
  }

  replaced(snapshot: ResourceSnapshot): void {
    this.entries.push({ ms: this.#nowMs(), kind: 'snapshot', types: typesOf(snapshot) });
  }

  vanished(): void {
    throw new Error('the client of a recording stays');
  }

  /** The service, overheard. */
  tapped({ definition, implementation }: XdsService): Pick<XdsService, 'definition' | 'implementation'> {
    const methods = Object.entries(definition).map(([name, method]) => {
      const requestDeserialize = (bytes: Buffer) => {
        this.#heard(bytes);
        return bytes;
      };
      return [name, { ...method, requestDeserialize }] as const;
    });
    const calls = Object.entries(implementation as Calls).map(([name, serve]) => {
      const overheard = (call: ServerDuplexStream<Buffer, Buffer>) => {
        this.entries.push({ ms: this.#nowMs(), kind: 'opened' });
        serve(call);
      };
      return [name, overheard] as const;
    });
    return { definition: Object.fromEntries(methods), implementation: Object.fromEntries(calls) };
  }

  /** Told of everything the server observes. */
  observe(event: XdsEvent): void {
    const ms = this.#nowMs();
    if (event.kind === 'stream-closed') this.entries.push({ ms, kind: 'closed', reason: event.reason });
    if (event.kind === 'pushed') {
      const { kind, typeUrl, nonce, version, resources, removed } = event;
      this.entries.push({ ms, kind, typeUrl, nonce, version, resources, removed });
    }
    if (event.kind === 'heartbeat') {
      const { kind, typeUrl, nonce, resources } = event;
      this.entries.push({ ms, kind, typeUrl, nonce, resources });
    }
  }

  #heard(bytes: Buffer): void {
    const message = fromBinary(this.#schema, bytes);
    const { id = '', cluster = '', clientFeatures = [] } = message.node ?? {};
    if (this.entries.at(-1)?.kind === 'opened') message.node = create(NodeSchema, { id, cluster, clientFeatures });
    else delete message.node;
    if (message.errorDetail !== undefined) message.errorDetail.message = firstLine(message.errorDetail.message);
    const request = toJson(this.#schema, message);
    this.entries.push({ ms: this.#nowMs(), kind: 'request', request });
  }

  #nowMs(): number {
    return Date.now() - this.#startedMs;
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
