/**
 * The cases of the conformance suite that touch warming and TTL, with a real Envoy as the client: XDS-48, 49, 52 to 54.
 * Order, NACK and reconnects (XDS-20, 21, 46, 47) are in xds-envoy.test.ts.
 *
 * The surprise: in state of the world Envoy 1.40 sorts heartbeats out before it renews the life of what they name
 * (source/extensions/config_subscription/grpc/grpc_mux_impl.cc, onDiscoveryResponse before processDiscoveryResources).
 * A fault then ends after one TTL whatever the server says: too early, never too late.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack, DurationSchema } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { contentVersion, type Resource, type ResourceSnapshot, withTtl } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { FedEnvoy, showMs } from './fed-envoy.ts';

/** Long enough to be seen on a loaded machine, short enough to be waited for, in ms. */
const ttlMs = 3_000;
const faultKey = 'drill.test';
const calm = { listeners: ['one'], clusters: ['x'], routes: { one: 'x' } };

describe.each(['DELTA_GRPC', 'GRPC'] as const)('a real Envoy over %s', (apiType) => {
  let envoy: FedEnvoy;

  beforeEach(async () => {
    envoy = await FedEnvoy.start(apiType, calm);
  });
  afterEach(() => envoy.stop());

  const heartbeats = () => envoy.events.filter(({ kind }) => kind === 'heartbeat').length;
  const pushedOf = (typeUrl: string) =>
    envoy.events.filter((event) => event.kind === 'pushed' && event.typeUrl === typeUrl).length;

  test('XDS-48: a cluster that changed leaves warming at once, though its endpoints did not change', async () => {
    const endpoints = pushedOf(typeUrls.endpoints);
    for (const seconds of [2, 3]) {
      const modified = await envoy.stat('cluster_manager.cluster_modified');
      envoy.set(withConnectTimeout(envoy.snapshot(calm), seconds));
      await expect.poll(() => envoy.stat('cluster_manager.cluster_modified'), { timeout: showMs }).toBe(modified + 1);
      // Envoy counts it as modified when it has warmed; without endpoints that would take initial_fetch_timeout, 15 s.
      await expect.poll(() => envoy.stat('cluster_manager.warming_clusters'), { timeout: showMs }).toBe(0);
      expect(await envoy.answer('one')).toBe('200 upstream /');
    }
    expect(pushedOf(typeUrls.endpoints)).toBe(endpoints + 2);
    expect(await envoy.stat('cluster.x.init_fetch_timeout')).toBe(0);
  });

  test('XDS-48: and so it does when it changed while the server was away', async () => {
    envoy.crash();
    envoy.set(withConnectTimeout(envoy.snapshot(calm), 2));
    await envoy.serve();
    await expect.poll(() => envoy.stat('cluster_manager.cluster_modified'), { timeout: showMs }).toBe(1);
    await expect.poll(() => envoy.stat('cluster_manager.warming_clusters'), { timeout: showMs }).toBe(0);
    expect(await envoy.stat('cluster.x.init_fetch_timeout')).toBe(0);
    expect(await envoy.answer('one')).toBe('200 upstream /');
  });

  test('XDS-49: what lacks its endpoints or its route takes nothing else down, and comes up when they come', async () => {
    const next = {
      listeners: ['one', 'two', 'three'],
      clusters: ['x', 'y', 'late'],
      routes: { one: 'x', two: 'y' },
      routeNames: { three: 'late' },
    };
    const whole = envoy.snapshot({ ...next, routes: { ...next.routes, late: 'late' } });
    envoy.set(without(envoy.snapshot(next), typeUrls.endpoints, 'late'));
    await envoy.shows('two', '200 upstream /');
    expect(await envoy.answer('one')).toBe('200 upstream /');
    expect(await envoy.answer('three')).toBe('0 ');
    expect(await envoy.stat('listener_manager.total_listeners_warming')).toBe(1);
    envoy.set(whole);
    await envoy.shows('three', '200 upstream /');
    expect(envoy.events.filter(({ kind }) => kind === 'nacked')).toEqual([]);
  });

  const heeds = apiType === 'DELTA_GRPC';
  const effect = heeds
    ? 'a layer with a TTL is kept alive by heartbeats, which reload nothing'
    : 'a layer with a TTL ends with it, since this Envoy heeds no heartbeats in SotW';
  test(`XDS-52 XDS-53: ${effect}`, async () => {
    envoy.overlay([withTtl(layer('42'), ttlMs)]);
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('42');
    const loads = await envoy.stat('runtime.load_success');
    const before = heartbeats();
    // Six heartbeats are nearly two lives.
    await expect.poll(heartbeats, { timeout: showMs }).toBeGreaterThanOrEqual(before + 6);
    expect(envoy.events.filter(({ kind }) => kind === 'nacked')).toEqual([]);
    expect(await envoy.runtime(faultKey)).toBe(heeds ? '42' : '');
    expect(await envoy.stat('runtime.load_success')).toBe(heeds ? loads : loads + 1);
    envoy.overlay(undefined);
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('');
  });

  test('XDS-53: a TTL that was taken back is outlived', async () => {
    envoy.overlay([withTtl(layer('42'), ttlMs)]);
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('42');
    envoy.overlay([layer('43')]);
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('43');
    envoy.mute();
    // Nothing can be waited for: what must not happen would happen now.
    await sleep(ttlMs + 1_000);
    expect(await envoy.runtime(faultKey)).toBe('43');
  });

  test('XDS-54: when the server falls silent the layer expires and its values fall back, and what is served goes on', async () => {
    envoy.overlay([withTtl(layer('42'), ttlMs)]);
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('42');
    envoy.mute();
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('');
    expect(await envoy.answer('one')).toBe('200 upstream /');
  });

  test('XDS-54: and so it does when the server is gone; what comes back is told the fault anew', async () => {
    envoy.overlay([withTtl(layer('42'), ttlMs)]);
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('42');
    envoy.crash();
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('');
    await envoy.serve();
    await expect.poll(() => envoy.runtime(faultKey), { timeout: showMs }).toBe('42');
    expect(envoy.events.filter(({ kind }) => kind === 'nacked')).toEqual([]);
  });
});

function layer(value: string): Resource {
  const message = create(RuntimeSchema, { name: 'layer', layer: { [faultKey]: Number(value) } });
  const any = toBinary(AnySchema, anyPack(RuntimeSchema, message));
  return { typeUrl: typeUrls.runtime, name: 'layer', version: contentVersion(any), any };
}

/** Every cluster with another connect timeout: other bytes, and the same endpoints. */
function withConnectTimeout(snapshot: ResourceSnapshot, seconds: number): ResourceSnapshot {
  const clusters = [...(snapshot.types.get(typeUrls.cluster)?.values() ?? [])].map((resource) => {
    const cluster = anyUnpack(fromBinary(AnySchema, resource.any), ClusterSchema);
    if (cluster === undefined) throw new Error(`\`${resource.name}\` is no cluster`);
    cluster.connectTimeout = create(DurationSchema, { seconds: BigInt(seconds) });
    const any = toBinary(AnySchema, anyPack(ClusterSchema, cluster));
    return [resource.name, { ...resource, any, version: contentVersion(any) }] as const;
  });
  return { ...snapshot, types: new Map([...snapshot.types, [typeUrls.cluster, new Map(clusters)]]) };
}

function without(snapshot: ResourceSnapshot, typeUrl: string, name: string): ResourceSnapshot {
  const left = [...(snapshot.types.get(typeUrl) ?? [])].filter(([each]) => each !== name);
  return { ...snapshot, types: new Map([...snapshot.types, [typeUrl, new Map(left)]]) };
}
