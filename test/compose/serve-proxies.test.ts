/** What a proxy hears at the door, whoever it is that says whose token it shows. */
import { create } from '@bufbuild/protobuf';
import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import { DeltaDiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { type ProxyServer, serveProxies } from '../../src/compose/serve-proxies.ts';
import { createGrpcClient } from '../../src/grpc/grpc-client.ts';
import { tokenHeader } from '../../src/grpc/peer.ts';
import type { Authority } from '../../src/identity/authority.ts';
import type { BearerVerdict } from '../../src/identity/bearer-verdict.ts';
import { SnapshotCache } from '../../src/xds/cache.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { serverName, testAuthority } from '../grpc/authority.ts';
import { snapshotOf } from '../xds/resources.ts';

const web: BearerVerdict = {
  ...{ kind: 'ok', workload: 'atelier/web-1', serviceAccount: 'web', expiresAtMs: Date.now() + 3_600_000 },
};
const node = { id: 'atelier/web-1', cluster: 'atelier' };
const cache = new SnapshotCache();
const events: XdsEvent[] = [];
const judged: { readonly token: string; readonly address: string }[] = [];
let verdict: BearerVerdict = web;
let authority: Authority;
let proxies: ProxyServer;
let address: string;

beforeAll(async () => {
  authority = await testAuthority();
  const snapshot = meshFrom(twoTenants);
  cache.setReady();
  cache.set('atelier/web-1', snapshotOf({ cluster: { c: '1' } }));
  proxies = serveProxies({
    ...{ address: '127.0.0.1:0', authority, snapshots: cache },
    bearers: {
      async judgeBearer(token, from) {
        judged.push({ token, address: from });
        return verdict;
      },
    },
    snapshot: () => snapshot,
    observe: (event) => events.push(event),
  });
  const bound = await proxies.server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);
  ({ address } = bound);
});
afterAll(() => proxies.server.close(0));

/** @returns `served`, or the status that the stream ended with. */
async function asked(token: string, said: BearerVerdict): Promise<'served' | status> {
  verdict = said;
  const client = createGrpcClient({ address, serverName, serverCaPem: authority.rootPem });
  const metadata = new Metadata();
  metadata.set(tokenHeader, token);
  const stream = client.stream(AggregatedDiscoveryService.method.deltaAggregatedResources, metadata);
  try {
    return await new Promise((resolve) => {
      stream.on('data', () => resolve('served'));
      stream.on('error', (error: { code?: status }) => resolve(error.code ?? status.UNKNOWN));
      stream.write(create(DeltaDiscoveryRequestSchema, { node, typeUrl: typeUrls.cluster }));
    });
  } finally {
    stream.cancel();
    client.close();
  }
}

test('who is vouched for is served', async () => {
  expect(await asked('good', web)).toBe('served');
  expect(judged.at(-1)).toEqual({ token: 'good', address: expect.stringMatching(/^127[.]0[.]0[.]1:[0-9]+$/) });
});

test('who is refused reads that, and nothing of why', async () => {
  expect(await asked('bad', { kind: 'refused', reason: 'its pod is gone' })).toBe(status.UNAUTHENTICATED);
  expect(events).toContainEqual(
    expect.objectContaining({ kind: 'refused', status: 'UNAUTHENTICATED', reason: 'token refused: its pod is gone' }),
  );
});

test('of whom nobody can say who it is may come back', async () => {
  expect(await asked('any', { kind: 'unanswered' })).toBe(status.UNAVAILABLE);
  expect(await asked('any', web)).toBe('served');
});

test('SEC-37 a token of 64 KiB costs its sender the stream, and nobody else anything', async () => {
  const before = judged.length;
  expect(await asked('x'.repeat(65_536), web)).not.toBe('served');
  expect(judged).toHaveLength(before);
  expect(await asked('good', web)).toBe('served');
});

test('a report is of whose token it bears', async () => {
  verdict = web;
  const caller = { address: '10.0.0.1:1', header: () => 'good' };
  expect(await proxies.admit(caller)).toMatchObject({ kind: 'client', key: 'atelier/web-1' });
  verdict = { kind: 'unanswered' };
  expect(await proxies.admit(caller)).toMatchObject({ kind: 'refused', status: 'UNAVAILABLE' });
});
