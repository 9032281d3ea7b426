/**
 * Thousands of proxies in one process, as far as the control plane can tell: a delta ADS stream each, with the token of
 * its workload, every response acknowledged as Envoy would.
 *
 *   simulated-proxies.ts ADDRESS WORKLOADS_DIR KEYS_FILE ──▶ one JSON line an event: {"proxy","atMs","kind"}
 *
 * `up`: it holds its first whole configuration. `faulted`, `clean`: the drill layer it was sent has keys, has none.
 * What they do not do is act: a real Envoy's own work is measured beside them, never by them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { createGrpcClient, type GrpcClient } from '../src/grpc/grpc-client.ts';
import { tokenHeader } from '../src/grpc/peer.ts';
import { defaultServerDnsName } from '../src/identity/authority.ts';
import { typeUrls } from '../src/xds/type-url.ts';

export interface SimulatedEvent {
  readonly proxy: string;
  /** Epoch ms, with fractions. */
  readonly atMs: number;
  readonly kind: 'up' | 'faulted' | 'clean' | 'ended';
}

/** Streams that share a connection, as a few hundred pods of one node would not; a thousand is what the server allows. */
const streamsPerConnection = 100;
/** Envoy asks for all of these; each must be answered before a proxy counts as up. */
const asked: readonly string[] = [typeUrls.runtime, typeUrls.cluster, typeUrls.listener];
/** Asked for once the ones above were answered, all of them by wildcard: names cost the server the same. */
const askedAfter: readonly string[] = [typeUrls.endpoints, typeUrls.route, typeUrls.secret, typeUrls.extension];

const [address = '', workloads = '', keysFile = ''] = process.argv.slice(2);
const keys = readFileSync(keysFile, 'utf8').split('\n').filter(Boolean);
let client: GrpcClient | undefined;
for (const [index, key] of keys.entries()) {
  const secrets = join(workloads, key, 'secrets');
  if (client === undefined || index % streamsPerConnection === 0) {
    client = createGrpcClient({
      address,
      serverName: defaultServerDnsName,
      serverCaPem: readFileSync(join(secrets, 'root.crt'), 'utf8'),
    });
  }
  open(client, key, readFileSync(join(secrets, 'token'), 'utf8').trim());
}

function open(client: GrpcClient, key: string, token: string): void {
  const headers = new Metadata();
  headers.set(tokenHeader, token);
  const stream = client.stream(AggregatedDiscoveryService.method.deltaAggregatedResources, headers);
  const node = { id: key, cluster: key.slice(0, key.indexOf('/')) };
  const waiting = new Set(asked);
  stream.on('error', () => tell(key, 'ended'));
  stream.on('data', (response: DeltaDiscoveryResponse) => {
    const { typeUrl, nonce } = response;
    if (typeUrl === typeUrls.runtime) tellLayer(key, response);
    stream.write(create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce: nonce }));
    if (waiting.delete(typeUrl) && waiting.size === 0) {
      for (const after of askedAfter) subscribe(stream, after, undefined);
      tell(key, 'up');
    }
  });
  for (const typeUrl of asked) subscribe(stream, typeUrl, node);
}

function subscribe(
  stream: ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>,
  typeUrl: string,
  node: { readonly id: string; readonly cluster: string } | undefined,
): void {
  stream.write(
    create(DeltaDiscoveryRequestSchema, {
      typeUrl,
      resourceNamesSubscribe: ['*'],
      ...(node === undefined ? {} : { node }),
    }),
  );
}

/** A heartbeat carries no resource, and says nothing new. */
function tellLayer(key: string, { resources }: DeltaDiscoveryResponse): void {
  for (const { resource } of resources) {
    if (resource === undefined) continue;
    const { layer } = fromBinary(RuntimeSchema, resource.value);
    tell(key, Object.keys(layer ?? {}).length > 0 ? 'faulted' : 'clean');
  }
}

function tell(proxy: string, kind: SimulatedEvent['kind']): void {
  const event: SimulatedEvent = { proxy, atMs: performance.timeOrigin + performance.now(), kind };
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
