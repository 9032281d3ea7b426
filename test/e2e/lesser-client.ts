/**
 * An ADS client that plays a workload's proxy and is a lesser one than Envoy: `lesser-client.ts ADDRESS FOLDER deaf|picky`.
 *
 *   deaf    speaks SotW and knows no TTL        picky   speaks delta, and refuses a drill layer that holds a key
 *
 * FOLDER is the workload's own, with root and token; its last two parts are the workload. It asks for the drill layer
 * alone, prints `asked` once it has been answered, and `refused` with each refusal.
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

if (manner === 'deaf') {
  const stream = openSotw(door);
  stream.send({ node, typeUrl, resourceNames: ['drill'] });
  for (;;) {
    const { nonce: responseNonce, versionInfo } = await stream.next();
    stream.send({ typeUrl, resourceNames: ['drill'], responseNonce, versionInfo });
    process.stdout.write('asked\n');
  }
} else {
  const stream = openDelta(door);
  stream.send({ node, typeUrl, resourceNamesSubscribe: ['drill'] });
  for (;;) {
    const { nonce: responseNonce, resources } = await stream.next();
    const isStruck = resources.some(
      ({ resource }) => resource && Object.keys(fromBinary(RuntimeSchema, resource.value).layer ?? {}).length > 0,
    );
    const refusal = { errorDetail: { code: 3, message: 'this layer is not for me' } };
    stream.send({ typeUrl, responseNonce, ...(isStruck ? refusal : {}) });
    process.stdout.write(isStruck ? 'refused\n' : 'asked\n');
  }
}
