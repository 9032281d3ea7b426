/**
 * Thousands of proxies in one process, as far as the control plane can tell: a delta ADS stream each, with the token of
 * its workload, every response acknowledged as Envoy would, and a door through which each can be looked at.
 *
 *   simulated-proxies.ts ADDRESS WORKLOADS_DIR PODS_FILE DUMP_FILE ──▶ one JSON line an event: {"proxy","atMs","kind"}
 *
 * `open`: the door. Of each proxy `up`: it holds its first whole configuration; `faulted`, `clean`: the drill layer it was
 * sent has a fault in it, has none. What they do not do is act: a real Envoy's own work is measured beside them, never by them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { type Secret, SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { controlPlaneTrustSecret, identitySecret } from '../src/envoy/names.ts';
import { createGrpcClient, type GrpcClient } from '../src/grpc/grpc-client.ts';
import { tokenHeader } from '../src/grpc/peer.ts';
import { defaultServerDnsName } from '../src/identity/authority.ts';
import { typeUrls } from '../src/xds/type-url.ts';
import type { SimulatedPod } from './drill-mesh.ts';
import { doorKeys, openDoor } from './simulated-door.ts';
import { SimulatedLayer } from './simulated-layer.ts';

export interface SimulatedEvent {
  /** Empty for `open`. */
  readonly proxy: string;
  /** Epoch ms, with fractions. */
  readonly atMs: number;
  readonly kind: 'open' | 'up' | 'faulted' | 'clean' | 'ended';
}

/** Streams that share a connection, as a few hundred pods of one node would not; a thousand is what the server allows. */
const streamsPerConnection = 100;
/** Envoy asks for all of these; each must be answered before a proxy counts as up. */
const asked: readonly string[] = [typeUrls.runtime, typeUrls.cluster, typeUrls.listener];
/** Asked for once the ones above were answered, all of them by wildcard: names cost the server the same. */
const askedAfter: readonly string[] = [typeUrls.endpoints, typeUrls.route, typeUrls.secret, typeUrls.extension];

const [address = '', workloads = '', podsFile = '', dumpFile = ''] = process.argv.slice(2);
const pods: readonly SimulatedPod[] = JSON.parse(readFileSync(podsFile, 'utf8'));
const layers = new Map<string, SimulatedLayer>();
/** All of one service account, so one certificate is everybody's. */
const secrets = new Map<string, Secret>();
let door: Promise<void> | undefined;

let client: GrpcClient | undefined;
for (const [index, { key, address: own }] of pods.entries()) {
  const files = join(workloads, key, 'secrets');
  const root = readFileSync(join(files, 'root.crt'), 'utf8');
  if (client === undefined || index % streamsPerConnection === 0) {
    client = createGrpcClient({
      address,
      serverName: defaultServerDnsName,
      serverCaPem: root,
    });
  }
  const layer = new SimulatedLayer();
  layers.set(own, layer);
  open(client, key, readFileSync(join(files, 'token'), 'utf8').trim(), root, layer);
}

function open(client: GrpcClient, key: string, token: string, root: string, layer: SimulatedLayer): void {
  const headers = new Metadata();
  headers.set(tokenHeader, token);
  const stream = client.stream(AggregatedDiscoveryService.method.deltaAggregatedResources, headers);
  const node = { id: key, cluster: key.slice(0, key.indexOf('/')) };
  const waiting = new Set(asked);
  stream.on('error', () => tell(key, 'ended'));
  stream.on('data', (response: DeltaDiscoveryResponse) => {
    const { typeUrl, nonce } = response;
    if (typeUrl === typeUrls.runtime) takeLayer(key, layer, response);
    if (typeUrl === typeUrls.secret && door === undefined) takeSecrets(response, root);
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

function takeLayer(key: string, held: SimulatedLayer, { resources }: DeltaDiscoveryResponse): void {
  for (const { resource, ttl } of resources) {
    const layer = resource && fromBinary(RuntimeSchema, resource.value).layer;
    const settings = new Map(Object.entries(layer ?? {}).map(([name, value]) => [name, Number(value)]));
    held.take({ ...(resource && { settings }), ...(ttl && { ttlMs: durationMs(ttl) }) }, performance.now());
    if (resource !== undefined) tell(key, settings.size > 0 ? 'faulted' : 'clean');
  }
}

/** The first to be given both opens the door of all. */
function takeSecrets({ resources }: DeltaDiscoveryResponse, root: string): void {
  for (const { name, resource } of resources) {
    if (resource !== undefined) secrets.set(name, fromBinary(SecretSchema, resource.value));
  }
  const [identity, trust] = [identitySecret, controlPlaneTrustSecret].map((name) => secrets.get(name));
  const keys = identity && trust && doorKeys(identity, trust, root);
  if (keys === undefined) return;
  door = openDoor(keys, layers, readFileSync(dumpFile, 'utf8'));
  void door.then(() => tell('', 'open'));
}

function tell(proxy: string, kind: SimulatedEvent['kind']): void {
  const event: SimulatedEvent = { proxy, atMs: performance.timeOrigin + performance.now(), kind };
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
