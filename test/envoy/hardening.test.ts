/** What no configuration of ours ever lacks, whatever the mesh: each sentence over every proxy of many random meshes. */
import type { JsonValue } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { isDrillKey } from '../../src/envoy/drill-keys.ts';
import { randomTestMs } from '../fixtures/random-mesh.ts';
import { everyConfiguration, type Resources } from './every-configuration.ts';
import { at, expectDistinct, fieldsNamed, isObject, objectsIn } from './json.ts';

const options = { timeout: randomTestMs };
const tls13 = { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' };

test('every inbound chain takes TLS only, for one port and one name, and asks for a certificate', options, () => {
  everyConfiguration((resources) => {
    for (const chain of inboundChains(resources)) {
      expect(chain['filter_chain_match']).toEqual({
        destination_port: expect.any(Number),
        transport_protocol: 'tls',
        server_names: [expect.stringMatching(/^[a-z]+\.mesh\.coffre$/)],
      });
      expect(at(chain, 'transport_socket', 'typed_config')).toEqual([
        {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
          require_client_certificate: true,
          disable_stateless_session_resumption: true,
          disable_stateful_session_resumption: true,
          common_tls_context: expect.objectContaining({
            tls_params: tls13,
            tls_certificate_sds_secret_configs: [overAds('identity')],
            validation_context_sds_secret_config: overAds(expect.stringMatching(/^(trust|peers)\//)),
          }),
        },
      ]);
    }
  });
});

test('every proxy has one inspection door, for one name under one CA, to four questions', options, () => {
  everyConfiguration(({ listener, secret }) => {
    const door = listener.get('inspection');
    const [chain, ...others] = at(door ?? null, 'filter_chains').flat();
    expect(others).toEqual([]);
    expect(at(chain ?? null, 'transport_socket', 'typed_config')).toMatchObject([
      {
        require_client_certificate: true,
        disable_stateless_session_resumption: true,
        disable_stateful_session_resumption: true,
        common_tls_context: { tls_params: tls13, validation_context_sds_secret_config: overAds('trust-control-plane') },
      },
    ]);
    expect(at(secret.get('trust-control-plane') ?? null, 'validation_context')).toEqual([
      {
        trusted_ca: { inline_string: expect.stringContaining('anchor of coffre-system') },
        match_typed_subject_alt_names: [
          { san_type: 'URI', matcher: { exact: expect.stringMatching(/\/ns\/coffre-system\/sa\/coffre$/) } },
        ],
      },
    ]);
    const [manager = null] = managersIn(chain ?? null);
    const routes = at(manager, 'route_config', 'virtual_hosts')
      .flat()
      .flatMap((host) => at(host, 'routes').flat());
    expect(routes.flatMap((route) => at(route, 'match', 'path'))).toEqual([
      '/clusters',
      '/config_dump',
      '/runtime',
      '/stats',
    ]);
    for (const route of routes) {
      expect(at(route, 'match', 'headers').flat()).toEqual([{ name: ':method', string_match: { exact: 'GET' } }]);
    }
  });
});

test(
  'every inbound HTTP chain denies, then allows, and only then may a drill strike, before it routes',
  options,
  () => {
    everyConfiguration((resources) => {
      for (const manager of inboundChains(resources).flatMap((chain) => managersIn(chain))) {
        const filters = at(manager, 'http_filters', 'name');
        expect(filters.slice(0, 2)).toEqual(['coffre.rbac.deny', 'coffre.rbac.allow']);
        expect([
          'envoy.filters.http.fault envoy.filters.http.router',
          'envoy.filters.http.ext_authz coffre.seal envoy.filters.http.fault envoy.filters.http.router',
        ]).toContain(filters.slice(2).join(' '));
        expect(manager).toMatchObject({
          normalize_path: true,
          merge_slashes: true,
          path_with_escaped_slashes_action: 'REJECT_REQUEST',
          forward_client_cert_details: 'SANITIZE_SET',
          use_remote_address: true,
          common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' },
        });
      }
    });
  },
);

test('a fault is armed at nothing, and the route that bears it differs by its caller alone', options, () => {
  let armed = 0;
  everyConfiguration(({ route }) => {
    for (const [name, value] of route) {
      const [host] = at(value, 'virtual_hosts').filter(isObject);
      const routes = at(host, 'routes').filter(isObject);
      const last = routes.at(-1);
      if (!name.startsWith('in/')) {
        expect([...at(host, 'typed_per_filter_config'), ...at(host, 'routes', 'typed_per_filter_config')]).toEqual([]);
        continue;
      }
      expect(Object.keys(at(host, 'typed_per_filter_config')[0] ?? {})).toEqual(
        expect.arrayContaining(['coffre.rbac.allow', 'coffre.rbac.deny']),
      );
      expect(last).toEqual({ match: { prefix: '/' }, route: expect.anything() });
      expectDistinct(at(routes, 'match', 'headers'));
      for (const each of routes.slice(0, -1)) {
        armed += 1;
        expect(each).toEqual({
          match: {
            prefix: '/',
            headers: [
              {
                name: 'x-forwarded-client-cert',
                string_match: { suffix: expect.stringMatching(/^;URI=spiffe:\/\/mesh\.test\/ns\/[a-z]+\/sa\/[a-z]+$/) },
              },
            ],
          },
          route: last?.['route'],
          typed_per_filter_config: { 'envoy.filters.http.fault': armedFault },
        });
      }
    }
  });
  expect(armed).toBeGreaterThan(0);
});

const drillKey = expect.toSatisfy(isDrillKey);
const armedFault = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
  abort: { http_status: 503, percentage: {} },
  delay: { fixed_delay: '0.001s', percentage: {} },
  abort_percent_runtime: drillKey,
  abort_http_status_runtime: drillKey,
  delay_percent_runtime: drillKey,
  delay_duration_runtime: drillKey,
  max_active_faults_runtime: drillKey,
};

test('every inbound TCP chain dials the application only after the handshake', options, () => {
  everyConfiguration((resources) => {
    for (const chain of inboundChains(resources)) {
      const [first, second] = at(chain, 'filters', 'typed_config');
      if (!isObject(second)) continue;
      expect(at(chain, 'filters', 'name')).toEqual(['envoy.filters.network.rbac', 'envoy.filters.network.tcp_proxy']);
      expect(at(first, 'rules', 'action')).toEqual([]); // ALLOW is the zero value
      expect(second).toMatchObject({ upstream_connect_mode: 'ON_DOWNSTREAM_TLS_HANDSHAKE', max_early_data_bytes: 0 });
    }
  });
});

test('every cluster but the application’s speaks TLS 1.3 to exactly named peers', options, () => {
  everyConfiguration(({ cluster, secret }) => {
    for (const [name, value] of cluster) {
      if (name.startsWith('app/')) {
        expect(at(value, ...toEndpoints, 'socket_address', 'address')).toEqual(['127.0.0.1']);
        continue;
      }
      const [context] = at(value, 'transport_socket', 'typed_config');
      expect(context).toMatchObject({
        sni: expect.any(String),
        max_session_keys: 0,
        common_tls_context: { tls_params: tls13 },
      });
      const [trust] = at(context, 'common_tls_context', 'validation_context_sds_secret_config', 'name');
      const matchers = at(secret.get(String(trust)), ...toMatchers);
      expect(matchers.length).toBeGreaterThan(0);
      for (const matcher of matchers) expect(Object.keys(isObject(matcher) ? matcher : {})).toEqual(['exact']);
    }
  });
});

const toEndpoints = ['load_assignment', 'endpoints', 'lb_endpoints', 'endpoint', 'address'];
const toMatchers = ['validation_context', 'match_typed_subject_alt_names', 'matcher'];

test('every validation context has the anchors of one tenant and at least one name', options, () => {
  everyConfiguration(({ secret }) => {
    for (const value of secret.values()) {
      for (const context of at(value, 'validation_context')) {
        const [anchor] = at(context, 'trusted_ca', 'inline_string');
        // The CA of this test vouches for each tenant by one block; two blocks would be two tenants.
        expect(String(anchor).match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
        const names = at(context, 'match_typed_subject_alt_names');
        expect(names.length).toBeGreaterThan(0);
        expect(Object.keys(isObject(context) ? context : {}).sort()).toEqual([
          'match_typed_subject_alt_names',
          'trusted_ca',
        ]);
      }
    }
  });
});

test('a trust in a whole tenant ends with a slash, so that no longer name begins with it', options, () => {
  everyConfiguration(({ secret, route }) => {
    const prefixes = [...secret.values()].flatMap((value) => at(value, ...toMatchers, 'prefix'));
    const principals = [...route.values()].flatMap((value) => fieldsNamed(value, 'principal_name'));
    for (const prefix of [...prefixes, ...principals.flatMap((name) => at(name, 'prefix'))]) {
      expect(prefix).toMatch(/^spiffe:\/\/mesh\.test\/ns\/[a-z]+\/$/);
    }
  });
});

test('the private key is in one secret and nowhere else', options, () => {
  everyConfiguration((resources) => {
    for (const [type, ofType] of Object.entries(resources)) {
      for (const [name, value] of ofType) {
        const isIdentity = type === 'secret' && name === 'identity';
        expect(JSON.stringify(value).includes('PRIVATE KEY')).toBe(isIdentity);
      }
    }
  });
});

test('no switch that could turn a check off is ever written', options, () => {
  const switches = [
    'failure_mode_allow',
    'filter_enabled',
    'filter_enabled_metadata',
    'shadow_rules',
    'disabled',
    'is_optional',
    'allow_expired_certificate',
    'trust_chain_verification',
    'verify_certificate_spki',
    'verify_certificate_hash',
    'insecure',
    'default_filter_chain',
  ];
  everyConfiguration((resources) => {
    const keys = new Set(
      Object.values(resources).flatMap((ofType) =>
        [...ofType.values()].flatMap((value) => objectsIn(value).flatMap((object) => Object.keys(object))),
      ),
    );
    expect(switches.filter((name) => keys.has(name))).toEqual([]);
  });
});

/** The chains of the inbound listener; the one that never matches stands where no port is declared. */
function inboundChains({ listener }: Resources) {
  return at(listener.get('inbound'), 'filter_chains')
    .filter(isObject)
    .filter(({ name }) => name !== 'never');
}

function managersIn(chain: JsonValue): JsonValue[] {
  return at(chain, 'filters')
    .filter((filter) => at(filter, 'name')[0] === 'envoy.filters.network.http_connection_manager')
    .flatMap((filter) => at(filter, 'typed_config'));
}

function overAds(name: unknown) {
  return { name, sds_config: { resource_api_version: 'V3', ads: {} } };
}
