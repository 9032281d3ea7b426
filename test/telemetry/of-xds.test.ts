/** From what an xDS server tells to the numbers of a scrape. */
import { expect, test } from 'vitest';
import { instruments } from '../../src/telemetry/instruments.ts';
import { telemetryOfXds } from '../../src/telemetry/of-xds.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { measuring } from './measuring.ts';

const stream = { stream: 1, protocol: 'delta', key: 'shop/cart-1' } as const;
const opened: XdsEvent = { kind: 'stream-opened', nodeId: 'shop/cart-1', address: '10.0.0.1:5', ...stream };
const answer = { version: 'v', resources: new Map(), removed: [] };

function pushed(nonce: string, typeUrl: string = typeUrls.cluster): XdsEvent {
  return {
    kind: 'pushed',
    typeUrl,
    nonce,
    version: 'v',
    revision: 'r',
    resources: 3,
    removed: 0,
    bytes: 700,
    ...stream,
  };
}
const acked = (nonce: string): XdsEvent => ({ kind: 'acked', typeUrl: typeUrls.cluster, nonce, ...answer, ...stream });
const nacked = (nonce: string): XdsEvent => ({
  ...{ kind: 'nacked', typeUrl: typeUrls.cluster, nonce, ...answer, ...stream },
  cause: { code: 3, message: 'no' },
});

function listening() {
  const { meters, series } = measuring();
  let nowMs = 0;
  const hear = telemetryOfXds(meters, () => nowMs);
  return {
    series,
    hear: (...events: readonly XdsEvent[]) => events.forEach(hear),
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

test('a push and its acceptance are counted by type, and the time between them is measured', async () => {
  const { hear, pass, series } = listening();
  hear(opened, pushed('1'));
  pass(40);
  hear(acked('1'));
  const seen = await series();
  expect({
    streams: seen.get('coffre_xds_streams{protocol="delta"}'),
    pushes: seen.get('coffre_xds_pushes_total{type="cluster"}'),
    resources: seen.get('coffre_xds_pushed_resources_total{type="cluster"}'),
    bytes: seen.get('coffre_xds_pushed_bytes_total{type="cluster"}'),
    acks: seen.get('coffre_xds_acks_total{type="cluster"}'),
    propagation: seen.get('coffre_xds_propagation_seconds_sum{type="cluster"}'),
    unanswered: seen.get('coffre_xds_unanswered_pushes'),
  }).toEqual({ streams: 1, pushes: 1, resources: 3, bytes: 700, acks: 1, propagation: 0.04, unanswered: 0 });
});

test('a push that nobody has answered is one that waits, until the stream ends', async () => {
  const { hear, series } = listening();
  hear(opened, pushed('1'), pushed('1', typeUrls.route));
  expect((await series()).get('coffre_xds_unanswered_pushes')).toBe(2);
  hear({ kind: 'stream-closed', reason: '', ...stream });
  const seen = await series();
  expect(seen.get('coffre_xds_unanswered_pushes')).toBe(0);
  expect(seen.get('coffre_xds_streams{protocol="delta"}')).toBe(0);
});

test('the answer to an older push says nothing about the newest', async () => {
  const { hear, pass, series } = listening();
  hear(opened, pushed('1'), pushed('2'));
  pass(10);
  hear(acked('1'));
  const seen = await series();
  expect(seen.get('coffre_xds_unanswered_pushes')).toBe(1);
  expect(seen.has('coffre_xds_propagation_seconds_count{type="cluster"}')).toBe(false);
});

test('a stream refuses a type from its refusal to the next acceptance', async () => {
  const { hear, series } = listening();
  const refusing = async () => (await series()).get('coffre_xds_refusing_streams{type="cluster"}');
  hear(opened, pushed('1'), nacked('1'));
  expect(await refusing()).toBe(1);
  expect((await series()).get('coffre_xds_nacks_total{type="cluster"}')).toBe(1);
  hear(pushed('2'), acked('2'));
  expect(await refusing()).toBe(0);
});

test('every type of ours has a label of its own, and any other is counted among the others', async () => {
  const { hear, series } = listening();
  hear(opened, ...Object.values(typeUrls).map((url) => pushed('1', url)));
  hear(pushed('1', 'type.googleapis.com/coffre.policy.v1.PolicyProgram'), pushed('1', 'type.googleapis.com/x.y.Cart'));
  const seen = await series();
  const labels = instruments.xdsPushes.labels.type.map((type) => seen.get(`coffre_xds_pushes_total{type="${type}"}`));
  expect(labels).toEqual(instruments.xdsPushes.labels.type.map(() => 1));
});

test('a refused stream is counted by its status, and never by what the stranger said', async () => {
  const { hear, series } = listening();
  hear({ kind: 'refused', address: '10.0.0.9:1', status: 'UNAUTHENTICATED', reason: 'token refused: expired' });
  hear({ kind: 'refused', address: '10.0.0.9:1', status: 'TEAPOT', reason: 'x' });
  const seen = await series();
  expect(seen.get('coffre_xds_streams_refused_total{status="UNAUTHENTICATED"}')).toBe(1);
  expect(seen.get('coffre_xds_streams_refused_total{status="other"}')).toBe(1);
  expect([...seen.keys()].join()).not.toContain('10.0.0.9');
});
