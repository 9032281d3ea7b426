/** What is read from a proxy's own words, whatever they are. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { heldResources } from '../../src/inspect/config-dump.ts';
import { differences } from '../../src/inspect/differences.ts';
import { comparable, keyOf, sentResource } from '../../src/inspect/held-resource.ts';
import { runtimeLayers } from '../../src/inspect/runtime-layer.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { configuredProxy } from '../fixtures/configured.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

function dumpOf(section: string, fields: object): string {
  return JSON.stringify({ configs: [{ '@type': `type.googleapis.com/envoy.admin.v3.${section}`, ...fields }] });
}

function cluster(fields: object) {
  return { '@type': typeUrls.cluster, ...fields };
}

const clusters = (...list: object[]) =>
  dumpOf('ClustersConfigDump', { dynamic_active_clusters: list.map((each) => ({ cluster: cluster(each) })) });

describe('a config dump', () => {
  test('says of each resource whether it is in use, warming, or from the bootstrap', () => {
    const text = dumpOf('ClustersConfigDump', {
      static_clusters: [{ cluster: cluster({ name: 'coffre-xds' }) }],
      dynamic_active_clusters: [{ version_info: 'v', cluster: cluster({ name: 'a' }) }],
      dynamic_warming_clusters: [{ cluster: cluster({ name: 'b' }) }],
    });
    const keys = heldResources(text)?.map((each) => keyOf(each).replace(typeUrls.cluster, 'CDS'));
    expect(keys).toEqual(['CDS/a', 'CDS/b (warming)', 'CDS/coffre-xds (static)']);
  });

  test('is the same whatever its times, versions, spelling of fields and order', () => {
    const one = dumpOf('ClustersConfigDump', {
      dynamic_active_clusters: [
        {
          version_info: '1',
          last_updated: '2026-01-01T00:00:00Z',
          cluster: cluster({ name: 'a', connect_timeout: '1s' }),
        },
        { cluster: cluster({ name: 'b', respect_dns_ttl: false }) },
      ],
    });
    const other = clusters({ name: 'b' }, { connectTimeout: '1.000s', name: 'a' });
    expect(comparable(heldResources(one) ?? [])).toEqual(comparable(heldResources(other) ?? []));
  });

  test('of endpoints tells those that were pushed, without what the proxy thinks of their health', () => {
    const host = (health_status: string) => ({
      endpoint: { address: { socket_address: { address: '10.1.0.2', port_value: 80 } } },
      health_status,
    });
    const text = (health: string) =>
      JSON.stringify({
        configs: [
          JSON.parse(clusters({ name: 'pushed', type: 'EDS' }, { name: 'own', type: 'STATIC' })).configs[0],
          JSON.parse(
            dumpOf('EndpointsConfigDump', {
              dynamic_endpoint_configs: ['pushed', 'own'].map((cluster_name) => ({
                endpoint_config: {
                  '@type': typeUrls.endpoints,
                  cluster_name,
                  endpoints: [{ lb_endpoints: [host(health)] }],
                },
              })),
            }),
          ).configs[0],
        ],
      });
    const [one, other] = ['HEALTHY', 'UNHEALTHY'].map((health) => comparable(heldResources(text(health)) ?? []));
    expect(one).toEqual(other);
    const keys = (heldResources(text('HEALTHY')) ?? []).map(keyOf);
    expect(keys.filter((key) => key.startsWith(typeUrls.endpoints))).toEqual([`${typeUrls.endpoints}/pushed`]);
  });

  test('of another shape, or none, is no dump, and nothing throws', () => {
    for (const text of ['', 'null', '[]', '{}', '{"configs":{}}', '<html>'])
      expect(heldResources(text)).toBeUndefined();
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const part = { '@type': 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump', dynamic_listeners: value };
        comparable(heldResources(JSON.stringify({ configs: [value, part] })) ?? []);
      }),
    );
  });

  test('that holds a type which nobody knows differs from what was sent', () => {
    const strange = dumpOf('ListenersConfigDump', {
      dynamic_listeners: [
        { active_state: { listener: { '@type': typeUrls.listener, name: 'inbound', backdoor: true } } },
      ],
    });
    const plain = strange.replace(',"backdoor":true', '');
    const [one, other] = [strange, plain].map((text) => comparable(heldResources(text) ?? []));
    expect(differences(one ?? new Map(), other ?? new Map())).toEqual([
      { kind: 'different', resource: `${typeUrls.listener}/inbound` },
    ]);
  });
});

test('no digest is made of a private key', () => {
  const resources = configuredProxy(meshFrom(twoTenants), 'atelier/api-1');
  const secret = resources.types.get(typeUrls.secret)?.get('identity');
  if (secret === undefined) throw new Error('the proxy has no identity');
  const text = JSON.stringify(sentResource(secret).content);
  expect(text).toContain('leaf of spiffe://');
  expect(text).toContain('[redacted]');
  expect(text).not.toContain('key of spiffe://');
});

describe('differences', () => {
  test('are named by what was expected and what was held', () => {
    const [expected, held] = [
      new Map([
        ['a', '1'],
        ['b', '1'],
        ['c', '1'],
      ]),
      new Map([
        ['b', '2'],
        ['c', '1'],
        ['d', '1'],
      ]),
    ];
    expect(differences(expected, held)).toEqual([
      { kind: 'missing', resource: 'a' },
      { kind: 'different', resource: 'b' },
      { kind: 'extra', resource: 'd' },
    ]);
    expect(differences(held, held)).toEqual([]);
  });
});

describe('a runtime page', () => {
  const page = { layers: ['drill', 'admin'], entries: { 'a.b': { final_value: '5', layer_values: ['0', '5'] } } };

  test('is read layer by layer, and a layer that sets nothing is there and empty', () => {
    expect(runtimeLayers(JSON.stringify(page))).toEqual(
      new Map([
        ['drill', new Map([['a.b', 0]])],
        ['admin', new Map([['a.b', 5]])],
      ]),
    );
    expect(runtimeLayers('{"layers":["drill"],"entries":{}}')).toEqual(new Map([['drill', new Map()]]));
  });

  test('of another shape is none', () => {
    for (const text of ['', '{}', '{"layers":[]}', '[]']) expect(runtimeLayers(text)).toBeUndefined();
    expect(runtimeLayers('{"layers":["drill"],"entries":{"a":{"layer_values":["x"]},"b":7}}')?.get('drill')).toEqual(
      new Map([['a', Number.NaN]]),
    );
  });
});
