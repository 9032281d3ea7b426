/** Questions about single proxies: who is answered, and what a difference looks like. */
import { describe, expect, test } from 'vitest';
import type { ManagementPorts } from '../../src/admin/answer.ts';
import type { Scope } from '../../src/admin/person.ts';
import { answerProxyCall, type ProxyAnswers } from '../../src/admin/proxies.ts';
import { evidenceCluster } from '../../src/envoy/names.ts';
import type { Reading } from '../../src/inspect/proxy-door.io.ts';
import type { ClientStatus, TypeStatus } from '../../src/xds/client-status.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { configuredProxy, decoded, type typeNames } from '../fixtures/configured.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

const mesh = meshFrom(twoTenants);
const key = 'atelier/web-1';
const snapshot = configuredProxy(mesh, key);
const whole: Scope = { kind: 'mesh' };

const type = (typeUrl: string, more: Partial<TypeStatus> = {}): TypeStatus => ({
  ...{ typeUrl, wildcard: true, names: 0, asked: new Set(), sentVersion: 'v2', ackedVersion: 'v1', state: 'SYNCED' },
  ...more,
});
const client: ClientStatus = {
  ...{ stream: 1, protocol: 'delta', key, nodeId: key, address: '10.1.0.1:5', openedAtMs: 0, takesTtl: true },
  types: Object.values(typeUrls).map((typeUrl) => type(typeUrl)),
};

/** It asks for its endpoint over EDS, like a cluster that was pushed. */
const evidenceOfBootstrap = { '@type': typeUrls.cluster, name: evidenceCluster, type: 'EDS' };

/** What an Envoy that holds exactly this configuration would say. */
function honestDump(): { readonly configDump: string; readonly runtime: string } {
  const of = (name: (typeof typeNames)[number]) => [...decoded(snapshot, name).values()];
  const any = (name: (typeof typeNames)[number]) =>
    of(name).map((value) => ({ '@type': typeUrls[name], ...(value as object) }));
  const section = (name: string, fields: object) => ({
    '@type': `type.googleapis.com/envoy.admin.v3.${name}`,
    ...fields,
  });
  const configs = [
    section('ListenersConfigDump', {
      dynamic_listeners: any('listener').map((listener) => ({ active_state: { listener } })),
    }),
    section('ClustersConfigDump', {
      static_clusters: [{ cluster: evidenceOfBootstrap }],
      dynamic_active_clusters: any('cluster').map((cluster) => ({ cluster })),
    }),
    section('EndpointsConfigDump', {
      dynamic_endpoint_configs: any('endpoints').map((endpoint_config) => ({ endpoint_config })),
    }),
    section('RoutesConfigDump', { dynamic_route_configs: any('route').map((route_config) => ({ route_config })) }),
    section('SecretsConfigDump', { dynamic_active_secrets: any('secret').map((secret) => ({ secret })) }),
    section('EcdsConfigDump', { ecds_filters: any('extension').map((ecds_filter) => ({ ecds_filter })) }),
  ];
  return { configDump: JSON.stringify({ configs }), runtime: '{"layers":["drill"],"entries":{}}' };
}

interface World {
  readonly answers?: { readonly configDump: string; readonly runtime: string };
  readonly reading?: Reading;
  readonly clients?: readonly ClientStatus[];
}

async function ask<Name extends keyof ProxyAnswers>(method: Name, body: unknown, scope = whole, world: World = {}) {
  const asked: string[] = [];
  const { answers = honestDump(), reading, clients = [client] } = world;
  const ports = {
    nowMs: () => 10_000,
    view: () => ({ ready: true, snapshot: mesh, xds: '', clients, certificateOf: () => undefined }),
    proxies: () => ({
      eyes: {
        read: async (proxy: string, path: string) => {
          asked.push(proxy);
          const text = path === '/runtime' ? answers.runtime : answers.configDump;
          return reading ?? { kind: 'read' as const, text };
        },
      },
      sent: () => snapshot,
    }),
    wholeSnapshot: () => mesh,
    rotations: () => undefined,
    confirmLoss: () => ({ kind: 'confirmed', objects: 12 }),
    drills: () => undefined,
    evidence: () => undefined,
    workloads: '',
  } satisfies ManagementPorts;
  return { answer: await answerProxyCall(ports, method, scope, body), asked };
}

describe('a scope', () => {
  const tenant: Scope = { kind: 'tenant', tenant: 'notaire' };

  test.each(['proxyStatus', 'proxyConfig', 'proxyDiff'] as const)(
    '%s of a workload outside it is answered like one that is not there, and its proxy is not asked',
    async (method) => {
      const outside = await ask(method, { workload: key }, tenant);
      const absent = await ask(method, { workload: 'atelier/no-such' }, tenant);
      expect(outside.asked).toEqual([]);
      expect(JSON.stringify(outside.answer).replaceAll(key, 'X')).toBe(
        JSON.stringify(absent.answer).replaceAll('atelier/no-such', 'X'),
      );
    },
  );

  test('lists its own workloads and no other', async () => {
    const { answer } = await ask('proxyStatus', {}, tenant);
    const workloads =
      answer.kind === 'ok' ? (answer.value as ProxyAnswers['proxyStatus']).map((each) => each.workload) : [];
    expect(workloads.length).toBeGreaterThan(0);
    expect(workloads.filter((workload) => !workload.startsWith('notaire/'))).toEqual([]);
  });
});

test('status says of each type what it is, for how long, and why it was refused', async () => {
  const types = [
    type(typeUrls.listener, {
      state: 'NACKED',
      nackedAtMs: 4_000,
      nack: { nonce: '1', version: 'v2', code: 13, message: 'no such filter' },
    }),
    type(typeUrls.cluster, { ackedAtMs: 9_500 }),
    type(typeUrls.secret, { state: 'NOT_SENT', sentVersion: '', ackedVersion: '' }),
  ];
  const { answer } = await ask('proxyStatus', { workload: key }, whole, { clients: [{ ...client, types }] });
  expect(answer).toMatchObject({
    kind: 'ok',
    value: [
      {
        workload: key,
        connected: { address: '10.1.0.1:5', protocol: 'delta', seconds: 10 },
        types: [
          { type: 'CDS', state: 'SYNCED', ackedVersion: 'v1', seconds: 0 },
          { type: 'LDS', state: 'NACKED', seconds: 6, nack: { message: 'no such filter', version: 'v2' } },
          { type: 'SDS', state: 'NOT_SENT' },
        ],
      },
    ],
  });
});

describe('diff', () => {
  const differencesIn = async (world: World) => {
    const { answer } = await ask('proxyDiff', { workload: key }, whole, world);
    if (answer.kind !== 'ok') throw new Error(answer.message);
    return (answer.value as ProxyAnswers['proxyDiff']).differences;
  };
  const changed = (from: string | RegExp, to: string) => {
    const { configDump, runtime } = honestDump();
    expect(configDump).toMatch(from);
    return { answers: { configDump: configDump.replace(from, to), runtime } };
  };

  test('is empty where the proxy holds what it was sent, whatever files its bootstrap added', async () => {
    expect(await differencesIn({})).toEqual([]);
    const secret = { '@type': typeUrls.secret, name: 'token' };
    const cluster = { '@type': typeUrls.cluster, name: 'coffre-admin' };
    const added = changed('"dynamic_active_secrets":[', `"dynamic_active_secrets":[${JSON.stringify({ secret })},`);
    expect(await differencesIn(added)).toEqual([]);
    const own = changed('"static_clusters":[', `"static_clusters":[${JSON.stringify({ cluster })},`);
    expect(await differencesIn(own)).toEqual([]);
  });

  test('names what is missing, what is extra, and what is different', async () => {
    const renamed = changed('"name":"out/atelier/api/80"', '"name":"out/backdoor"');
    expect(await differencesIn(renamed)).toEqual([
      { kind: 'missing', type: 'RDS', name: 'out/atelier/api/80' },
      { kind: 'extra', type: 'RDS', name: 'out/backdoor' },
    ]);
    expect(await differencesIn(changed('"cluster":"atelier/api/80"', '"cluster":"elsewhere"'))).toEqual([
      { kind: 'different', type: 'RDS', name: 'out/atelier/api/80' },
    ]);
  });

  test('shows runtime that nobody laid, and a layer that nobody sent', async () => {
    const { configDump } = honestDump();
    const entries = { 'some.key': { final_value: '7', layer_values: ['7', ''] } };
    const runtime = JSON.stringify({ layers: ['drill', 'admin'], entries });
    expect(await differencesIn({ answers: { configDump, runtime } })).toEqual([
      { kind: 'extra', type: 'RTDS', name: 'admin' },
      { kind: 'different', type: 'RTDS', name: 'drill' },
    ]);
  });

  test('expects of a type without a wildcard only what the proxy asks for', async () => {
    const types = client.types.map((each) =>
      each.typeUrl === typeUrls.route ? { ...each, wildcard: false, asked: new Set(['in/8080']) } : each,
    );
    const found = await differencesIn({ clients: [{ ...client, types }] });
    expect(new Set(found.map(({ kind, type: name }) => `${kind} ${name}`))).toEqual(new Set(['extra RDS']));
  });

  test.each([
    ['that is not connected', { clients: [] }, 'is not connected'],
    ['that cannot be reached', { reading: { kind: 'unreachable', why: 'ECONNREFUSED' } as const }, 'ECONNREFUSED'],
    ['that refuses', { reading: { kind: 'refused', status: 503 } as const }, 'answers 503'],
    ['that talks nonsense', { answers: { configDump: '<html>', runtime: '' } }, 'no Envoy of ours'],
  ])('of a proxy %s is no answer, and never an empty one', async (_title, world, message) => {
    const { answer } = await ask('proxyDiff', { workload: key }, whole, world);
    expect(answer).toMatchObject({ kind: 'not-ready', message: expect.stringContaining(message) });
  });
});

test('config is of one type where one is named, and never holds a private key', async () => {
  const { answer } = await ask('proxyConfig', { workload: key, type: 'SDS' });
  if (answer.kind !== 'ok') throw new Error(answer.message);
  const { resources } = answer.value as ProxyAnswers['proxyConfig'];
  expect(new Set(resources.map((each) => each.type))).toEqual(new Set(['SDS']));
  expect(JSON.stringify(resources)).toContain('leaf of spiffe://');
  expect(JSON.stringify(resources)).not.toContain('key of spiffe://');
  expect((await ask('proxyConfig', { workload: key, type: 'XDS' })).answer.kind).toBe('bad-request');
});
