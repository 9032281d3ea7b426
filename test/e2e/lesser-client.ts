/**
 * An ADS client that plays a workload's proxy and is a lesser one than Envoy: `lesser-client.ts ADDRESS FOLDER MANNER`.
 *
 *   deaf        speaks SotW and knows no TTL
 *   picky       speaks delta, and refuses a drill layer that holds a key
 *   forgetful   speaks delta, takes every layer, and refuses its heartbeats, as Envoy does where a layer has run out
 *
 * FOLDER is the workload's own, with root and token; its last two parts are the workload. It asks for the drill layer
 * alone, and prints `took N` for a layer of N keys that it accepted, and `refused` for what it did not.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { credentials } from '@grpc/grpc-js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { tokenHeader } from '../../src/grpc/peer.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { openDelta, openSotw } from '../conformance/ads-stream.ts';

const [address = '', folder = '', manner = ''] = process.argv.slice(2);
const [namespace = '', name = ''] = folder.split('/').slice(-2);
const node = { id: `${namespace}/${name}`, cluster: namespace };
const door = {
  address,
  credentials: credentials.createSsl(readFileSync(join(folder, 'secrets/root.crt'))),
  metadata: { [tokenHeader]: readFileSync(join(folder, 'secrets/token'), 'utf8') },
};
const { runtime: typeUrl } = typeUrls;

function keysOf(layer: Uint8Array): number {
  return Object.keys(fromBinary(RuntimeSchema, layer).layer ?? {}).length;
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (manner === 'deaf') {
  const stream = openSotw(door);
  stream.send({ node, typeUrl, resourceNames: ['drill'] });
  for (;;) {
    const { nonce: responseNonce, versionInfo, resources } = await stream.next();
    stream.send({ typeUrl, resourceNames: ['drill'], responseNonce, versionInfo });
    for (const { value } of resources) tell(`took ${keysOf(value)}`);
  }
}

const stream = openDelta(door);
stream.send({ node, typeUrl, resourceNamesSubscribe: ['drill'] });
for (;;) {
  const { nonce: responseNonce, resources } = await stream.next();
  for (const { resource } of resources) {
    const keys = resource === undefined ? undefined : keysOf(resource.value);
    const refuses = manner === 'picky' ? keys !== 0 : keys === undefined;
    const errorDetail = { code: 3, message: 'this layer is not for me' };
    stream.send({ typeUrl, responseNonce, ...(refuses ? { errorDetail } : {}) });
    tell(refuses ? 'refused' : `took ${keys}`);
  }
}
