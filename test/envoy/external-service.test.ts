/** What a sidecar is told of the ways out, and of the places where requests may be answered. */
import { expect, test } from 'vitest';
import { configure } from '../../src/controller/configure.ts';
import { proxyMark } from '../../src/envoy/redirect.ts';
import { configuredProxy, decoded, platform } from '../fixtures/configured.ts';
import { fakeTrust } from '../fixtures/fake-trust.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';

const httpPort = 'name: http, port: 80, targetPort: 8080';
const external = (protocol: string) =>
  `{ name: api.bank.test, port: 443, protocol: ${protocol}, region: eu-west-3, jurisdiction: FR }`;
const meshWith = (spec: string) =>
  meshFrom(documents(tenant('atelier', `environment: prod${spec}`), pod('atelier', 'web', '10.1.0.1')));
const proxyWith = (protocol: string) => configuredProxy(meshWith(`, egress: [${external(protocol)}]`), 'atelier/web-1');
const cluster = 'external/api.bank.test/443';

test.each(['http', 'tcp'])(
  'under `%s` the sidecar adds TLS to exactly that name, and shows nobody who calls',
  (protocol) => {
    expect(decoded(proxyWith(protocol), 'cluster').get(cluster)).toMatchObject({
      type: 'STRICT_DNS',
      transport_socket: {
        typed_config: {
          sni: 'api.bank.test',
          common_tls_context: {
            tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
            validation_context: {
              trusted_ca: { filename: platform.systemCaFile },
              match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'api.bank.test' } }],
            },
          },
        },
      },
    });
    expect(JSON.stringify(decoded(proxyWith(protocol), 'cluster').get(cluster))).not.toContain('tls_certificate');
  },
);

test('under `tls` the sidecar adds nothing, and lets through exactly that SNI', () => {
  const proxy = proxyWith('tls');
  expect(decoded(proxy, 'cluster').get(cluster)).not.toHaveProperty('transport_socket');
  const listeners = [...decoded(proxy, 'listener')].filter(([name]) => name.includes('external/'));
  expect(listeners.map(([, listener]) => listener)).toMatchObject([
    {
      bind_to_port: false,
      filter_chains: [{ filter_chain_match: { transport_protocol: 'tls', server_names: ['api.bank.test'] } }],
    },
  ]);
});

test('the name is resolved with a final dot, past the pod’s own hosts file, and its place and law are metadata', () => {
  const where = { filter_metadata: { 'coffre.external': { jurisdiction: 'FR', region: 'eu-west-3' } } };
  expect(decoded(proxyWith('http'), 'cluster').get(cluster)).toMatchObject({
    metadata: where,
    load_assignment: {
      endpoints: [
        {
          locality: { region: 'eu-west-3' },
          lb_endpoints: [
            {
              endpoint: { address: { socket_address: { address: 'api.bank.test.', port_value: 443 } } },
              metadata: where,
            },
          ],
        },
      ],
    },
  });
});

test('every `Host` becomes the name', () => {
  expect(decoded(proxyWith('http'), 'route').get(`out/${cluster}`)).toMatchObject({
    virtual_hosts: [{ domains: ['*'], routes: [{ route: { cluster, host_rewrite_literal: 'api.bank.test' } }] }],
  });
});

test('its connections carry a mark of their own, by which the pod’s rules keep them from private addresses', () => {
  const marked = { ...platform, bypass: { kind: 'mark', mark: proxyMark } } as const;
  const { proxies } = configure(meshWith(`, egress: [${external('http')}]`), fakeTrust, marked, 0);
  const proxy = proxies.get('atelier/web-1');
  expect(proxy && decoded(proxy, 'cluster').get(cluster)).toMatchObject({
    upstream_bind_config: { socket_options: [{ level: '1', name: '36', int_value: String(0x1c0f) }] },
  });
});

test('a neighbour that declared nothing is told nothing', () => {
  const mesh = meshFrom(
    documents(
      tenant('atelier', `environment: prod, egress: [${external('http')}]`),
      tenant('notaire'),
      pod('notaire', 'web', '10.2.0.1'),
    ),
  );
  for (const type of ['cluster', 'listener', 'route'] as const) {
    expect([...decoded(configuredProxy(mesh, 'notaire/web-1'), type).keys()].join()).not.toContain('bank');
  }
});

const placed = (name: string, address: string, region: string) =>
  pod('atelier', name, address).replace(
    `app: ${name}`,
    `app: api, topology.kubernetes.io/region: ${region}, topology.kubernetes.io/zone: ${region}a`,
  );
const api = service('atelier', 'api', '10.96.1.2', httpPort);
const web = pod('atelier', 'web', '10.1.0.1').replace('app: web', 'app: web, topology.kubernetes.io/region: eu');

function placesSeen(spec: string, problems: Parameters<typeof meshFrom>[1] = []): unknown {
  const pods = documents(
    web,
    placed('b', '10.1.0.3', 'us'),
    placed('a', '10.1.0.2', 'eu'),
    placed('c', '10.1.0.4', 'eu'),
  );
  const mesh = meshFrom(documents(tenant('atelier', `environment: prod${spec}`), pods, api), problems);
  return decoded(configuredProxy(mesh, 'atelier/web-1'), 'endpoints').get('atelier/api/80');
}

const at = (address: string) => ({ endpoint: { address: { socket_address: { address, port_value: 8080 } } } });

test('endpoints are told by region and zone', () => {
  expect(placesSeen('')).toMatchObject({
    endpoints: [
      { locality: { region: 'eu', zone: 'eua' }, lb_endpoints: [at('10.1.0.2'), at('10.1.0.4')] },
      { locality: { region: 'us', zone: 'usa' }, lb_endpoints: [at('10.1.0.3')] },
    ],
  });
});

test('an endpoint in a region that is not allowed is no fallback either', () => {
  expect(JSON.stringify(placesSeen(', allowedRegions: [eu]', ['region-not-allowed']))).not.toContain('10.1.0.3');
  expect(placesSeen(', allowedRegions: [mars]', ['region-not-allowed'])).not.toHaveProperty('endpoints');
});

test('outside nobody is told the pod’s address or our ids', () => {
  const [route] = [...decoded(proxyWith('http'), 'route')].filter(([name]) => name.includes('external/'));
  expect(route?.[1]).toMatchObject({
    request_headers_to_remove: ['x-envoy-external-address', 'x-forwarded-proto', 'x-request-id'],
  });
});
