/** Every recorder there is, with hosts that have nothing to tell yet: so each instrument is alive. */
import type { Meters } from '../../src/telemetry/meters.ts';
import { telemetryOfCertificates } from '../../src/telemetry/of-certificates.ts';
import { telemetryOfDecisions } from '../../src/telemetry/of-decisions.ts';
import { telemetryOfDoor } from '../../src/telemetry/of-door.ts';
import { telemetryOfDrills } from '../../src/telemetry/of-drills.ts';
import { telemetryOfEvidence } from '../../src/telemetry/of-evidence.ts';
import { telemetryOfKeys } from '../../src/telemetry/of-keys.ts';
import { telemetryOfLoop } from '../../src/telemetry/of-loop.ts';
import { telemetryOfSinks } from '../../src/telemetry/of-sinks.ts';
import { telemetryOfWorker } from '../../src/telemetry/of-worker.ts';
import { telemetryOfXds } from '../../src/telemetry/of-xds.ts';
import { readProcess } from '../../src/telemetry/process-readings.ts';

/** @returns stops the sampling of the process. */
export function everyRecorder(meters: Meters): () => void {
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  const xds = telemetryOfXds(meters, () => 0);
  const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
  const push = { stream: 1, protocol: 'delta', typeUrl, nonce: '1' } as const;
  xds({ kind: 'stream-opened', ...push });
  xds({ kind: 'pushed', resources: 1, bytes: 1, ...push });
  xds({ kind: 'acked', ...push });
  const loop = telemetryOfLoop(meters, clock);
  loop.began();
  loop.published('0123456789ab', 1, []);
  telemetryOfDrills(meters, () => [], clock.nowMs);
  telemetryOfDecisions(meters, undefined).decided({ id: 'a', timeMs: 0, durationUs: 30, verdict: 'allow' });
  telemetryOfWorker(meters, () => 0);
  telemetryOfKeys(meters, () => ({ states: { fresh: 0, stale: 0, none: 0 }, oldestMs: undefined }));
  telemetryOfCertificates(meters, () => [{ tenant: 'shop', notAfterMs: 1_000 }]);
  telemetryOfEvidence(meters, { queued: () => 0, lost: () => 0, blocked: () => undefined, head: () => undefined });
  telemetryOfSinks(meters, () => [{ name: 'siem', lag: 0, delivered: 0, deadLetters: 0, lost: 0 }]);
  telemetryOfDoor(meters);
  return readProcess(meters);
}
