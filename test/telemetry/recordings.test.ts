/** The loop, drills, certificates, evidence, sinks and the door: from what they tell to the numbers of a scrape. */
import { expect, test } from 'vitest';
import type { DrillView } from '../../src/chaos/drill-engine.ts';
import type { LoopReport } from '../../src/controller/loop.io.ts';
import { eventKinds as evidenceKinds } from '../../src/evidence/event.ts';
import { eventKinds, instruments } from '../../src/telemetry/instruments.ts';
import { telemetryOfCertificates } from '../../src/telemetry/of-certificates.ts';
import { telemetryOfDoor } from '../../src/telemetry/of-door.ts';
import { type SeenDrill, telemetryOfDrills } from '../../src/telemetry/of-drills.ts';
import { telemetryOfEvidence } from '../../src/telemetry/of-evidence.ts';
import { telemetryOfLoop } from '../../src/telemetry/of-loop.ts';
import { telemetryOfSinks } from '../../src/telemetry/of-sinks.ts';
import { readProcess } from '../../src/telemetry/process-readings.ts';
import { measuring } from './measuring.ts';

test('the revision in force is the only one that is told', async () => {
  const { meters, series } = measuring();
  let nowMs = 5_000;
  const loop = telemetryOfLoop(meters, { nowMs: () => nowMs, monotonicMs: () => nowMs });
  const report: Pick<LoopReport, 'published' | 'problems' | 'issueFailed'> = loop;
  loop.began();
  nowMs += 20;
  report.published('0123456789abcdef', 7, ['shop/cart-1']);
  report.published('fedcba9876543210', 8, []);
  const seen = await series();
  expect([...seen.keys()].filter((name) => name.startsWith('coffre_mesh_revision_info'))).toEqual([
    'coffre_mesh_revision_info{revision="fedcba987654"}',
  ]);
  expect({
    proxies: seen.get('coffre_proxies_configured'),
    withheld: seen.get('coffre_proxies_withheld'),
    at: seen.get('coffre_loop_published_timestamp_seconds'),
    runs: seen.get('coffre_loop_runs_total{outcome="published"}'),
    duration: seen.get('coffre_loop_publish_seconds_sum'),
  }).toEqual({ proxies: 8, withheld: 0, at: 5.02, runs: 2, duration: 0.04 });
});

test('problems are counted by severity, and what failed by what it was', async () => {
  const { meters, series } = measuring();
  const loop = telemetryOfLoop(meters, { nowMs: () => 0, monotonicMs: () => 0 });
  loop.problems([{ severity: 'error' }, { severity: 'warning' }, { severity: 'warning' }]);
  loop.runFailed();
  loop.buildFailed();
  loop.madeWhole();
  loop.issueFailed([{}, {}]);
  const seen = await series();
  expect({
    errors: seen.get('coffre_problems{severity="error"}'),
    warnings: seen.get('coffre_problems{severity="warning"}'),
    failed: seen.get('coffre_loop_runs_total{outcome="failed"}'),
    unbuilt: seen.get('coffre_build_failures_total'),
    slow: seen.get('coffre_configure_slow_way_total'),
    unissued: seen.get('coffre_certificate_issue_failures_total'),
  }).toEqual({ errors: 1, warnings: 2, failed: 1, unbuilt: 1, slow: 1, unissued: 2 });
});

test('a drill is told by its phase, and its faults until they were seen gone', async () => {
  const { meters, series } = measuring();
  const states: DrillView['proxies'][number]['state'][] = ['effective', 'withdrawn', 'clean', 'expired', 'planned'];
  const running: SeenDrill = {
    ...{ phase: 'recovering', deadlineMs: 10_000 },
    proxies: states.map((state) => ({ state })),
  };
  telemetryOfDrills(
    meters,
    () => [running, { phase: 'declared', deadlineMs: 0, proxies: [] }],
    () => 12_500,
  );
  const seen = await series();
  expect({
    recovering: seen.get('coffre_drills{phase="recovering"}'),
    running: seen.get('coffre_drills{phase="running"}'),
    laid: seen.get('coffre_drill_faults_laid'),
    overrun: seen.get('coffre_drill_overrun_seconds'),
  }).toEqual({ recovering: 1, running: 0, laid: 2, overrun: 2.5 });
});

test('a drill that is over and clean overruns nothing', async () => {
  const { meters, series } = measuring();
  telemetryOfDrills(
    meters,
    () => [{ phase: 'completed', deadlineMs: 1, proxies: [{ state: 'clean' }] }],
    () => 99_000,
  );
  expect((await series()).get('coffre_drill_overrun_seconds')).toBe(0);
});

test('of a tenant’s certificates the first end is told, and no identity', async () => {
  const { meters, series } = measuring();
  let certificates = [
    { tenant: 'shop', notAfterMs: 9_000 },
    { tenant: 'shop', notAfterMs: 4_000 },
    { tenant: 'bank', notAfterMs: 7_000 },
  ];
  telemetryOfCertificates(meters, () => certificates);
  const name = (tenant: string) => `coffre_certificate_next_end_timestamp_seconds{tenant="${tenant}"}`;
  expect(await series()).toEqual(
    new Map([
      [name('shop'), 4],
      [name('bank'), 7],
    ]),
  );
  // A tenant that left is gone from the next scrape.
  certificates = certificates.filter(({ tenant }) => tenant === 'bank');
  expect([...(await series()).keys()]).toEqual([name('bank')]);
});

test('tenants beyond the bound are told together, by the first end of them all', async () => {
  const { meters, series } = measuring();
  const { valuesMax } = instruments.certificateEnd.labels.tenant;
  const many = Array.from({ length: valuesMax + 50 }, (_, i) => ({ tenant: `t${i}`, notAfterMs: (1_000 + i) * 1_000 }));
  telemetryOfCertificates(meters, () => many);
  const seen = await series();
  expect(seen.size).toBe(valuesMax + 1);
  expect(seen.get('coffre_certificate_next_end_timestamp_seconds{tenant="other"}')).toBe(1_000 + valuesMax);
});

test('every kind of event has a label, and a loss is counted by its place and size', async () => {
  const { meters, series } = measuring();
  const recorded = telemetryOfEvidence(meters, {
    queued: () => 3,
    lost: () => 40,
    blocked: () => 'the disk is full',
    head: () => ({ position: 41, atMs: 2_000 }),
  });
  for (const kind of evidenceKinds) recorded({ kind });
  recorded({ kind: 'loss', where: 'proxy shop/cart-1', count: 12 });
  // Counted by the recorder itself already.
  recorded({ kind: 'loss', where: 'recorder', count: 40 });
  recorded({ kind: 'certificate', what: 'renewed' });
  const seen = await series();
  expect([...eventKinds].filter((kind) => kind !== 'other').sort()).toEqual([...evidenceKinds].sort());
  expect({
    denials: seen.get('coffre_evidence_events_total{kind="denial"}'),
    losses: seen.get('coffre_evidence_losses_total{where="proxy"}'),
    lostHere: seen.get('coffre_evidence_losses_total{where="recorder"}'),
    renewed: seen.get('coffre_certificate_events_total{what="renewed"}'),
    queue: seen.get('coffre_evidence_queue_events'),
    blocked: seen.get('coffre_evidence_store_blocked'),
    head: seen.get('coffre_evidence_head_position'),
    signed: seen.get('coffre_evidence_head_timestamp_seconds'),
  }).toEqual({ denials: 1, losses: 12, lostHere: 40, renewed: 1, queue: 3, blocked: 1, head: 41, signed: 2 });
  expect([...seen.keys()].join()).not.toContain('shop');
});

test('a sink is told by its name, as many as the bound allows', async () => {
  const { meters, series } = measuring();
  const { valuesMax } = instruments.sinkLag.labels.sink;
  const sinks = Array.from({ length: valuesMax + 1 }, (_, i) => ({
    name: `s${i}`,
    lag: i,
    delivered: 5,
    deadLetters: 1,
    lost: 7,
  }));
  telemetryOfSinks(meters, () => sinks);
  const seen = await series();
  expect(seen.get('coffre_sink_lag_events{sink="s3"}')).toBe(3);
  expect(seen.get('coffre_sink_dead_letters_total{sink="s0"}')).toBe(1);
  expect(seen.get('coffre_sink_lost_total{sink="s0"}')).toBe(7);
  expect([...seen.keys()].filter((name) => name.startsWith('coffre_sink_delivered_total'))).toHaveLength(valuesMax);
});

test.each([
  [200, 'ok'],
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [422, 'misuse'],
  [503, 'failed'],
])('a call that is answered %i is one that is %s', async (status, outcome) => {
  const { meters, series } = measuring();
  telemetryOfDoor(meters)({ status });
  expect((await series()).get(`coffre_door_calls_total{outcome="${outcome}"}`)).toBe(1);
});

test('a process tells its memory, its descriptors and how late its event loop is', async () => {
  const { meters, series } = measuring();
  const stop = readProcess(meters);
  const seen = await series();
  stop();
  expect(seen.get('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  expect(seen.get('process_open_fds')).toBeGreaterThan(2);
  expect(seen.get('process_start_time_seconds')).toBeGreaterThan(1_600_000_000);
  expect(seen.get('coffre_event_loop_active_seconds_total')).toBeGreaterThan(0);
  expect(seen.get('coffre_event_loop_delay_seconds{statistic="p99"}')).toBeGreaterThanOrEqual(0);
});
