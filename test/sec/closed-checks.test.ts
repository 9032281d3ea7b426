/**
 * SEC-11, SEC-12, SEC-14, SEC-16, SEC-17: what stands between a check and the application, over every proxy of many
 * random meshes. Nothing a tenant may write opens it; one switch of each kind, thrown by hand, is found.
 */
import type { JsonValue } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { everyConfiguration, type Resources } from '../envoy/every-configuration.ts';
import { fieldsNamed, isObject, objectsIn } from '../envoy/json.ts';
import { randomTestMs } from '../fixtures/random-mesh.ts';

const authz = 'envoy.filters.http.ext_authz';

/** Fields that open a check, change a request behind it, or let a client choose its fault; none is ever written. */
const switches = new Set([
  'failure_mode_allow',
  'failure_mode_allow_header_add',
  'filter_enabled',
  'filter_enabled_metadata',
  'deny_at_disable',
  'shadow_rules',
  'disabled',
  'with_request_body',
  'allow_partial_message',
  'disable_request_body_buffering',
  'clear_route_cache',
  'header_abort',
  'header_delay',
]);
/** Whom a route or virtual host may address. */
const addressed = ['coffre.rbac.deny', 'coffre.rbac.allow', authz, 'envoy.filters.http.fault'];

/** In words; empty where everything is closed. */
function openings(resources: Pick<Resources, 'listener' | 'route'>): readonly string[] {
  const values = [...resources.listener.values(), ...resources.route.values()];
  const thrown = values.flatMap((value) => objectsIn(value).flatMap(Object.keys)).filter((key) => switches.has(key));
  const checks = values.flatMap(objectsIn).filter((each) => String(each['@type']).endsWith('.ext_authz.v3.ExtAuthz'));
  const loose = checks.filter(({ validate_mutations: validates, decoder_header_mutation_rules: rules }) => {
    return validates !== true || !isObject(rules) || !(rules['disallow_all'] && rules['disallow_is_error']);
  });
  const perRoute = values.flatMap((value) => fieldsNamed(value, 'typed_per_filter_config')).filter(isObject);
  const overrides = perRoute
    .flatMap((each) => Object.entries(each))
    .filter(([name, value]) => !isHarmless(name, value));
  return [...thrown, ...loose.map(() => 'mutations'), ...overrides.map(([name]) => `override of ${name}`)];
}

/** A check's route says only whose it is; a rule's brings rules, as one without any would switch the filter off. */
function isHarmless(name: string, value: JsonValue): boolean {
  if (!isObject(value) || !addressed.includes(name)) return false;
  const { '@type': _type, ...rest } = value;
  if (name === authz) {
    const settings = rest['check_settings'];
    return (
      Object.keys(rest).join() === 'check_settings' &&
      isObject(settings) &&
      Object.keys(settings).join() === 'context_extensions'
    );
  }
  if (!name.startsWith('coffre.rbac.')) return true;
  const { rbac } = rest;
  return isObject(rbac) && isObject(rbac['rules']);
}

test('no mesh opens a check, and none changes a request behind it', { timeout: randomTestMs }, () => {
  let checked = 0;
  everyConfiguration((resources) => {
    expect(openings(resources)).toEqual([]);
    checked += [...resources.listener.values()].flatMap(objectsIn).filter(({ name }) => name === authz).length;
  });
  expect(checked).toBeGreaterThan(0);
});

const closedCheck = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
  validate_mutations: true,
  decoder_header_mutation_rules: { disallow_all: true, disallow_is_error: true },
};
const rulesOf = (value: JsonValue) => ({ typed_per_filter_config: { 'coffre.rbac.deny': value } });
const settingsOf = (value: JsonValue) => ({ typed_per_filter_config: { [authz]: value } });

test.each<readonly [found: string, listener: JsonValue, route: JsonValue]>([
  ...[...switches].map((name) => [name, { ...closedCheck, [name]: true }, {}] as const),
  ['mutations', { ...closedCheck, validate_mutations: false }, {}],
  ['mutations', { ...closedCheck, decoder_header_mutation_rules: { disallow_all: true } }, {}],
  ['override of coffre.rbac.deny', closedCheck, rulesOf({ '@type': 'x' })],
  ['override of coffre.rbac.deny', closedCheck, rulesOf({ rbac: {} })],
  [`override of ${authz}`, closedCheck, settingsOf({ check_settings: { context_extensions: {}, buffer: true } })],
  ['override of coffre.seal', closedCheck, { typed_per_filter_config: { 'coffre.seal': {} } }],
])('%s is found where it stands', (found, listener, route) => {
  const spoiled = { listener: new Map([['inbound', listener]]), route: new Map([['in/8080', route]]) };
  expect(openings(spoiled)).toEqual([found]);
});

test('a check that is closed has no openings', () => {
  const route = { ...rulesOf({ rbac: { rules: {} } }), ...settingsOf({ check_settings: { context_extensions: {} } }) };
  expect(openings({ listener: new Map([['inbound', closedCheck]]), route: new Map([['in/8080', route]]) })).toEqual([]);
});
