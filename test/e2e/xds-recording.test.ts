/**
 * Records what a real Envoy says on its ADS stream. What is in test/xds/recorded, and replayed by
 * test/xds/recorded-traffic.test.ts, came from here: `--update` writes it anew.
 *
 * Two recordings are never equal, as Envoy's threads run; what they have in common is compared.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { contentVersion, type Resource, withTtl } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import {
  type Entry,
  type ProtocolName,
  recordingOf,
  recordingPath,
  textOf,
  typeOf,
  wordsSaidIn,
} from '../xds/recording.ts';
import { AdsRecorder } from './ads-recorder.ts';
import { FedEnvoy, showMs } from './fed-envoy.ts';

const calm = { listeners: ['one'], clusters: ['x'], routes: { one: 'x' } };
const moved = {
  listeners: ['one', 'two'],
  clusters: ['y', 'z'],
  routes: { one: 'y', other: 'z' },
  routeNames: { two: 'other' },
};

/** Short, so that a recording is. */
const ttlMs = 1_000;

function fault(): Resource {
  const layer = create(RuntimeSchema, { name: 'layer', layer: { 'drill.test': 1 } });
  const any = toBinary(AnySchema, anyPack(RuntimeSchema, layer));
  return withTtl({ typeUrl: typeUrls.runtime, name: 'layer', any, version: contentVersion(any) }, ttlMs);
}

test.each([
  ['sotw', 'GRPC'],
  ['delta', 'DELTA_GRPC'],
] as const)('what Envoy says over %s is what was recorded of it', async (protocol: ProtocolName, apiType) => {
  const recorder = new AdsRecorder(protocol);
  const envoy = await FedEnvoy.start(apiType, calm, recorder);
  /** All types were asked for on the newest stream, and every response on it was answered. */
  const settled = async () => {
    const open = () => {
      const entries = recorder.entries.slice(recorder.entries.findLastIndex(({ kind }) => kind === 'opened'));
      return [typesAskedIn(entries), unansweredIn(envoy.events)];
    };
    await expect.poll(open, { timeout: showMs }).toEqual([5, 0]);
  };
  const happened = async (kind: XdsEvent['kind'], times: number) => {
    const count = () => envoy.events.filter((event) => event.kind === kind).length;
    await expect.poll(count, { timeout: showMs }).toBeGreaterThanOrEqual(times);
  };
  try {
    await settled();
    envoy.set(envoy.snapshot(moved));
    await expect.poll(() => envoy.stat('cluster_manager.cluster_removed'), { timeout: showMs }).toBe(1);
    await settled();
    envoy.overlay([fault()]);
    await happened('heartbeat', 2);
    envoy.overlay(undefined);
    await settled();
    envoy.set(envoy.snapshot({ ...moved, badListeners: ['bad'] }));
    await happened('nacked', 1);
    envoy.set(envoy.snapshot(moved));
    await settled();
    // One return to what there was, and one to something else.
    for (const [returns, next] of [moved, calm].entries()) {
      envoy.crash();
      envoy.set(envoy.snapshot(next));
      await envoy.serve();
      await happened('stream-opened', 2 + returns);
      await settled();
    }
    await expect.poll(() => envoy.stat('listener_manager.total_listeners_active'), { timeout: showMs }).toBe(1);
    await settled();
    await envoy.quit();
  } finally {
    envoy.stop();
  }
  const text = textOf(recorder.entries);
  expect(text).not.toMatch(/\/(tmp|home|work|root)\//);
  if (process.env['COFFRE_REWRITE'] !== undefined) {
    mkdirSync(dirname(recordingPath(protocol)), { recursive: true });
    writeFileSync(recordingPath(protocol), text);
  }
  expect(wordsSaidIn(recorder.entries)).toEqual(wordsSaidIn(recordingOf(protocol)));
});

function typesAskedIn(entries: readonly Entry[]): number {
  return new Set(entries.flatMap((entry) => (entry.kind === 'request' ? [typeOf(entry)] : []))).size;
}

/** Responses that wait for their answer; those of a stream that is closed wait for none. */
function unansweredIn(events: readonly XdsEvent[]): number {
  const open = new Set<string>();
  for (const event of events) {
    if (event.kind === 'stream-closed') open.clear();
    else if (event.kind === 'pushed') open.add(`${event.typeUrl} ${event.nonce}`);
    else if (event.kind === 'acked' || event.kind === 'nacked') open.delete(`${event.typeUrl} ${event.nonce}`);
  }
  return open.size;
}
