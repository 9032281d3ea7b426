/** CSDS over real gRPC: what it says of clients, to whom, and what it refuses. */
import { once } from 'node:events';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Metadata, status } from '@grpc/grpc-js';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  ClientStatusDiscoveryService,
  ClientStatusRequestSchema,
  type ClientStatusResponse,
  ConfigStatus,
} from '#gen/envoy/service/status/v3/csds_pb.js';
import { createGrpcClient } from '../../src/grpc/grpc-client.ts';
import { createGrpcServer } from '../../src/grpc/grpc-server.ts';
import type { Authority } from '../../src/identity/authority.ts';
import type { ClientStatus, TypeStatus } from '../../src/xds/client-status.ts';
import { createClientStatusService, type StatusPorts } from '../../src/xds/client-status-service.io.ts';
import { nodeMatchersMax, statusRequestBytesMax, statusStreamsMax } from '../../src/xds/csds-limits.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { serverLeaf, serverName, testAuthority } from '../grpc/authority.ts';

let authority: Authority;
beforeAll(async () => {
  authority = await testAuthority();
});

const { fetchClientStatus, streamClientStatus } = ClientStatusDiscoveryService.method;

function client(key: string, types: readonly Partial<TypeStatus>[] = [], stream = 1): ClientStatus {
  const base = {
    wildcard: true,
    names: 0,
    asked: new Set<string>(),
    sentVersion: 'v2',
    ackedVersion: 'v1',
    state: 'SYNCED',
  } as const;
  return {
    ...{ stream, protocol: 'delta', key, nodeId: key, address: '10.1.0.1:5', openedAtMs: 0, takesTtl: true },
    types: types.map((type) => ({ ...base, typeUrl: typeUrls.listener, ...type })),
  };
}

/** Askers are told apart by a header; `everybody` sees every client. */
async function served(clients: readonly ClientStatus[], more: Partial<StatusPorts> = {}) {
  const server = createGrpcServer({
    address: '127.0.0.1:0',
    tls: serverLeaf(authority),
    requireClientCertificate: false,
  });
  createClientStatusService({
    status: () => clients,
    async authorise({ header }) {
      const namespace = header('x-asker');
      if (namespace === undefined) return { kind: 'refused', status: 'UNAUTHENTICATED', reason: 'no asker' };
      return { kind: 'asker', sees: (key) => namespace === 'everybody' || key.startsWith(`${namespace}/`) };
    },
    ...more,
  }).addTo(server);
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);
  const grpc = createGrpcClient({ address: bound.address, serverName, serverCaPem: authority.rootPem });
  onTestFinished(async () => {
    grpc.close();
    await server.close(0);
  });
  const metadataOf = (asker: string | undefined) => {
    const metadata = new Metadata();
    if (asker !== undefined) metadata.set('x-asker', asker);
    return metadata;
  };
  return {
    fetch: (asker: string | undefined, request: MessageInitShape<typeof ClientStatusRequestSchema> = {}) =>
      grpc.unary(fetchClientStatus, create(ClientStatusRequestSchema, request), {
        metadata: metadataOf(asker),
        deadlineMs: 10_000,
      }),
    stream: (asker: string) => grpc.stream(streamClientStatus, metadataOf(asker)),
  };
}

const nodesOf = ({ config }: ClientStatusResponse) => config.map(({ node }) => node?.id);

describe('XDS-56: of each client and type it tells', () => {
  test('synced, stale, refused and not sent, with version, the reason, and since when', async () => {
    const { fetch } = await served([
      client('shop/cart', [
        { typeUrl: typeUrls.cluster, state: 'SYNCED', ackedVersion: 'v2', sentAtMs: 1_000, ackedAtMs: 2_000 },
        { typeUrl: typeUrls.listener, state: 'STALE', sentAtMs: 3_000, ackedAtMs: 2_000 },
        {
          typeUrl: typeUrls.route,
          state: 'NACKED',
          nackedAtMs: 4_000,
          nack: { nonce: '7', version: 'v2', code: 13, message: 'no such cluster' },
        },
        { typeUrl: typeUrls.secret, state: 'NOT_SENT', sentVersion: '', ackedVersion: '' },
      ]),
    ]);
    const [config] = (await fetch('everybody')).config;
    expect(config?.node?.id).toBe('shop/cart');
    expect(
      config?.genericXdsConfigs.map(({ typeUrl, configStatus, versionInfo, lastUpdated, errorState }) => [
        typeUrl,
        ConfigStatus[configStatus],
        versionInfo,
        lastUpdated?.seconds,
        errorState?.details,
        errorState?.versionInfo,
      ]),
    ).toEqual([
      [typeUrls.cluster, 'SYNCED', 'v2', 2n, undefined, undefined],
      [typeUrls.listener, 'STALE', 'v1', 3n, undefined, undefined],
      [typeUrls.route, 'ERROR', 'v1', 4n, 'no such cluster', 'v2'],
      [typeUrls.secret, 'NOT_SENT', '', undefined, undefined, undefined],
    ]);
  });

  test('the younger of two streams', async () => {
    const { fetch } = await served([
      client('shop/cart', [{ state: 'NACKED' }]),
      client('shop/cart', [{ state: 'SYNCED' }], 2),
    ]);
    const { config } = await fetch('everybody');
    expect(
      config.flatMap(({ genericXdsConfigs }) => genericXdsConfigs.map(({ configStatus }) => configStatus)),
    ).toEqual([ConfigStatus.SYNCED]);
  });
});

describe('an asker', () => {
  const clients = [client('shop/cart'), client('shop/till'), client('shopping/list')];

  test('is told of its own namespace and no other, whatever it matches', async () => {
    const { fetch } = await served(clients);
    expect(nodesOf(await fetch('shop'))).toEqual(['shop/cart', 'shop/till']);
    const exact = { matchPattern: { case: 'exact', value: 'shopping/list' } } as const;
    expect(nodesOf(await fetch('shop', { nodeMatchers: [{ nodeId: exact }] }))).toEqual([]);
    expect(nodesOf(await fetch('everybody', { nodeMatchers: [{ nodeId: exact }] }))).toEqual(['shopping/list']);
  });

  test('that is nobody, or cannot be judged, is refused', async () => {
    const { fetch } = await served(clients);
    await expect(fetch(undefined)).rejects.toMatchObject({ code: status.UNAUTHENTICATED, details: 'refused' });
    const broken = await served(clients, { authorise: () => Promise.reject(new Error('secret cause')) });
    await expect(broken.fetch('shop')).rejects.toMatchObject({ code: status.PERMISSION_DENIED, details: 'refused' });
  });

  test.each([
    ['prefix', 'SHOP/', true, ['shop/cart', 'shop/till']],
    ['prefix', 'SHOP/', false, []],
    ['suffix', '/cart', false, ['shop/cart']],
    ['contains', 'ping', false, ['shopping/list']],
  ] as const)('matches node ids by %s `%s`', async (kind, value, ignoreCase, wanted) => {
    const { fetch } = await served(clients);
    const nodeId = { matchPattern: { case: kind, value }, ignoreCase };
    expect(nodesOf(await fetch('everybody', { nodeMatchers: [{ nodeId }] }))).toEqual(wanted);
  });

  test('that asks by what is not answered is told so, rather than told more', async () => {
    const { fetch } = await served(clients);
    const regex = { matchPattern: { case: 'safeRegex', value: { regex: '(a+)+$' } } } as const;
    const invalid = { code: status.INVALID_ARGUMENT };
    await expect(fetch('shop', { nodeMatchers: [{ nodeId: regex }] })).rejects.toMatchObject(invalid);
    await expect(fetch('shop', { nodeMatchers: [{ nodeMetadatas: [{}] }] })).rejects.toMatchObject(invalid);
    const nodeId = { matchPattern: { case: 'exact', value: 'x' } } as const;
    const many = Array.from({ length: nodeMatchersMax + 1 }, () => ({ nodeId }));
    await expect(fetch('shop', { nodeMatchers: many })).rejects.toMatchObject(invalid);
    const long = {
      nodeMatchers: [
        { nodeId: { matchPattern: { ...nodeId.matchPattern, value: 'x'.repeat(statusRequestBytesMax) } } },
      ],
    };
    await expect(fetch('shop', long)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe('a status stream', () => {
  const request = create(ClientStatusRequestSchema);

  test('answers each request with what is then so, and judges its asker anew', async () => {
    const clients = [client('shop/cart')];
    let allowed = true;
    const { stream } = await served(clients, {
      authorise: async () =>
        allowed
          ? { kind: 'asker', sees: () => true }
          : { kind: 'refused', status: 'UNAUTHENTICATED', reason: 'expired' },
    });
    const call = stream('shop');
    call.write(request);
    expect(nodesOf((await once(call, 'data'))[0])).toEqual(['shop/cart']);
    clients.push(client('shop/till'));
    call.write(request);
    expect(nodesOf((await once(call, 'data'))[0])).toEqual(['shop/cart', 'shop/till']);
    allowed = false;
    call.write(request);
    const [error] = await once(call, 'error');
    expect(error).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test('is one of a few, and a place that was left is free again', async () => {
    const { stream } = await served([client('shop/cart')]);
    const open = Array.from({ length: statusStreamsMax }, () => stream('shop'));
    for (const call of open) call.write(request);
    await Promise.all(open.map((call) => once(call, 'data')));
    const refused = stream('shop');
    refused.write(request);
    expect((await once(refused, 'error'))[0]).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    const [first] = open;
    if (first === undefined) throw new Error('there is no stream');
    first.end();
    await once(first.resume(), 'end');
    const next = stream('shop');
    next.write(request);
    await once(next, 'data');
    for (const call of [...open, next]) {
      call.on('error', () => undefined);
      call.cancel();
    }
  });
});
