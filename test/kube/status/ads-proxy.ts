/** A proxy as the control plane sees it: a delta stream that asks for everything, and takes or refuses what it is told. */
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js';
import type { GrpcClient } from '../../../src/grpc/grpc-client.ts';
import { methodDefinition } from '../../../src/grpc/method-definition.ts';
import { tokenHeader } from '../../../src/grpc/peer.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { DeltaClient } from '../../../src/xds/delta-client.io.ts';
import { typeUrls } from '../../../src/xds/type-url.ts';

export interface AdsProxy {
  /** Absent: it takes what it is told. */
  refuses: string | undefined;
  stop(): void;
}

/**
 * @param address `host:port` of the control plane. Whether it is the one it says is proved elsewhere: no test of a status
 * depends on it, and nobody hands its root to a client that no kubelet started.
 */
export function startAdsProxy(address: string, workload: string, token: string): AdsProxy {
  const proxy: AdsProxy = { refuses: undefined, stop: () => client.stop() };
  const client = new DeltaClient({
    node: { id: workload, cluster: workload.slice(0, workload.indexOf('/')) },
    connect: () => Promise.resolve({ client: unverified(address), metadata: new Map([[tokenHeader, token]]) }),
    subscriptions: Object.values(typeUrls).map((typeUrl) => ({
      typeUrl,
      initialVersions: () => ({}),
      take: () => (proxy.refuses === undefined ? { kind: 'ack' } : { kind: 'nack', why: proxy.refuses }),
    })),
    clock: systemClock,
    random: Math.random,
    observe: () => undefined,
  });
  client.start();
  return proxy;
}

function unverified(address: string): GrpcClient {
  const credentials = ChannelCredentials.createSsl(null, null, null, { rejectUnauthorized: false });
  const client = new Client(address, credentials);
  return {
    unary: () => Promise.reject(new Error('a proxy asks nothing else')),
    stream(method, metadata = new Metadata(), forms) {
      const { path, requestSerialize, responseDeserialize } = methodDefinition(method, forms ?? {});
      return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata) as never;
    },
    close: () => client.close(),
  };
}
