/** What a drill may write to a proxy's runtime: the list, and everything that tries to pass for one of its keys. */
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { breakerKeys, edgeLogKey, faultKeys, isDrillKey, isDrillSetting } from '../../src/envoy/drill-keys.ts';
import { serviceCluster } from '../../src/envoy/names.ts';
import { runtimeOf } from '../../src/envoy/runtime.ts';

const cluster = 'atelier/web/80';
const breakers = breakerKeys(cluster);
const faults = faultKeys(8_080, 'atelier', 'web');

test('the keys are these, letter for letter', () => {
  expect(breakers).toEqual({
    maxRequests: 'circuit_breakers.atelier/web/80.default.max_requests',
    maxConnections: 'circuit_breakers.atelier/web/80.default.max_connections',
  });
  expect(faults).toEqual({
    abortPercent: 'drill.in.8080.atelier/web.abort_percent',
    abortStatus: 'drill.in.8080.atelier/web.abort_status',
    delayPercent: 'drill.in.8080.atelier/web.delay_percent',
    delayMs: 'drill.in.8080.atelier/web.delay_ms',
    maxActive: 'drill.in.8080.atelier/web.max_active',
  });
  expect(edgeLogKey(cluster)).toBe('drill.log.atelier/web/80');
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const subdomain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const port = fc.integer({ min: 1, max: 65_535 });

test('the keys of every service, pod and caller that can be named are on the list, and no two are equal', () => {
  fc.assert(
    fc.property(label, label, subdomain, subdomain, port, (tenant, service, pod, account, number) => {
      const clusters = [
        serviceCluster({ service: `${tenant}/${service}`, port: number }),
        serviceCluster({ service: `${tenant}/${service}`, pod: `${tenant}/${pod}`, port: number }),
      ];
      const keys = [
        ...clusters.flatMap((name) => [...Object.values(breakerKeys(name)), edgeLogKey(name)]),
        ...Object.values(faultKeys(number, tenant, account)),
      ];
      expect(keys.filter((key) => !isDrillKey(key))).toEqual([]);
      expect(new Set(keys).size).toBe(keys.length);
    }),
  );
});

describe('what is not on the list', () => {
  test.each([
    ['a switch of Envoy', 'envoy.reloadable_features.x'],
    ['another limit of a breaker', 'circuit_breakers.atelier/web/80.default.max_retries'],
    ['another priority', 'circuit_breakers.atelier/web/80.high.max_requests'],
    ['what holds a key of ours', `x${breakers.maxRequests}`],
    ['what begins with a key of ours', `${breakers.maxRequests}.x`],
    ['a line after it', `${breakers.maxRequests}\n`],
    ['a line before it', `\n${breakers.maxRequests}`],
    ['two keys', `${breakers.maxRequests}\n${breakers.maxConnections}`],
    ['a service name that brings its own end', 'circuit_breakers.atelier/web/80.default.max_requests/80.default.max_x'],
    ['a service name with a dot', breakerKeys('atelier/web.x/80').maxRequests],
    ['a service name that is a key', breakerKeys('atelier/envoy.reloadable_features.x/80').maxRequests],
    ['a service name with a line end', breakerKeys('atelier/we\nb/80').maxRequests],
    ['a service name in another alphabet', breakerKeys('atelier/wеb/80').maxRequests],
    ['a service name in capitals', breakerKeys('atelier/WEB/80').maxRequests],
    ['a service name that is empty', breakerKeys('atelier//80').maxRequests],
    ['a service name that ends in a dash', breakerKeys('atelier/web-/80').maxRequests],
    ['a cluster that leaves the mesh', breakerKeys('external/api.bank.example/443').maxRequests],
    ['the cluster of the application', breakerKeys('app/8080').maxRequests],
    ['the authorization service', breakerKeys('coffre-authz').maxRequests],
    ['the control plane', breakerKeys('coffre-xds').maxRequests],
    ['a port beyond the last', breakerKeys('atelier/web/65536').maxRequests],
    ['a port of zero', faultKeys(0, 'atelier', 'web').abortPercent],
    ['a port with a leading zero', 'drill.in.080.atelier/web.abort_percent'],
    ['a port that is no whole number', faultKeys(80.5, 'atelier', 'web').abortPercent],
    ['a caller with a slash more', faultKeys(80, 'atelier', 'web/x').abortPercent],
    ['a caller without a name', faultKeys(80, 'atelier', '').abortPercent],
    ['a fault of another kind', 'drill.in.8080.atelier/web.abort_grpc_status'],
    ['the inherited', '__proto__'],
    ['nothing', ''],
    ['a megabyte', breakerKeys(`atelier/${'a'.repeat(1_000_000)}/80`).maxRequests],
  ])('%s', (_name, key) => {
    expect(isDrillKey(key)).toBe(false);
    expect(isDrillSetting(key, 0)).toBe(false);
    expect(() => runtimeOf(new Map([[key, 0]]))).toThrow('no drill may set');
  });

  test.each([
    [breakers.maxRequests, 0, 1_000_000],
    [breakers.maxConnections, 0, 1_000_000],
    [faults.abortPercent, 0, 100],
    [faults.abortStatus, 400, 599],
    [faults.delayPercent, 0, 100],
    [faults.delayMs, 0, 60_000],
    [faults.maxActive, 0, 1_000_000],
    [edgeLogKey(cluster), 0, 100],
  ])('%s beyond %d to %d', (key, min, max) => {
    for (const value of [min, max]) expect(isDrillSetting(key, value)).toBe(true);
    const beyond = [min - 1, max + 1, min + 0.5, Number.NaN, Number.POSITIVE_INFINITY, -0.1];
    for (const value of beyond) {
      expect(isDrillSetting(key, value), String(value)).toBe(false);
      expect(() => runtimeOf(new Map([[key, value]]))).toThrow('no drill may set');
    }
  });
});

test('a layer holds its settings and nothing else, whatever order they came in', () => {
  const settings = [
    [faults.abortStatus, 503],
    [faults.abortPercent, 30],
  ] as const;
  const resource = runtimeOf(new Map(settings));
  expect(fromBinary(RuntimeSchema, resource.any.value)).toMatchObject({
    name: 'drill',
    layer: { [faults.abortPercent]: 30, [faults.abortStatus]: 503 },
  });
  expect(runtimeOf(new Map(settings.toReversed())).any.value).toEqual(resource.any.value);
});

test('a layer without settings is the one of a proxy that feels no drill', () => {
  expect(runtimeOf(new Map()).any.value).toEqual(runtimeOf().any.value);
  expect(fromBinary(RuntimeSchema, runtimeOf().any.value)).toMatchObject({ name: 'drill', layer: {} });
});

test('a layer that grows without end is not built', () => {
  const many = Array.from({ length: 4_097 }, (_, index) => [edgeLogKey(`atelier/web/${index + 1}`), 1] as const);
  expect(() => runtimeOf(new Map(many))).toThrow('4097 settings');
});
