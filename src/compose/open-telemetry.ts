/**
 * Telemetry of the control plane: what each room tells or shows, connected to its numbers.
 *
 *   xDS, loop, drills, certificates, evidence, sinks, door ──▶ telemetry ──▶ /metrics, OTLP
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import type { DoorEvent } from '../admin/management-door.ts';
import type { ScrapePorts } from '../admin/metrics.ts';
import { ownerName } from '../admin/person.ts';
import type { DrillEngine } from '../chaos/drill-engine.ts';
import type { LoopReport } from '../controller/loop.io.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { drillClock } from '../system-clock.ts';
import { type SeenCertificate, telemetryOfCertificates } from '../telemetry/of-certificates.ts';
import { telemetryOfDoor } from '../telemetry/of-door.ts';
import { telemetryOfDrills } from '../telemetry/of-drills.ts';
import { type SeenEvent, type SeenEvidence, telemetryOfEvidence } from '../telemetry/of-evidence.ts';
import { telemetryOfLoop } from '../telemetry/of-loop.ts';
import { type SeenSink, telemetryOfSinks } from '../telemetry/of-sinks.ts';
import { telemetryOfXds } from '../telemetry/of-xds.ts';
import { readProcess } from '../telemetry/process-readings.ts';
import { metricsContentType, startTelemetry } from '../telemetry/start-telemetry.ts';
import type { XdsEvent } from '../xds/xds-event.ts';

export interface ControlPlaneTelemetryParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  /** Newest; undefined until the sources have been read. */
  snapshot(): Snapshot | undefined;
  certificateOf(spiffeId: string): Ends | undefined;
  /** The control plane's own. */
  serverCertificate(): Ends | undefined;
  drills(): Pick<DrillEngine, 'list'> | undefined;
  readonly evidence: SeenEvidence;
  sinks(): readonly SeenSink[];
}

interface Ends {
  readonly notAfterMs: number;
}

export interface ControlPlaneTelemetry {
  /** For the management door. */
  readonly metrics: NonNullable<ScrapePorts['metrics']>;
  xds(event: XdsEvent): void;
  /** A look at the sources begins. */
  lookBegan(): void;
  /** The same report, counted on its way. */
  counted(report: LoopReport): LoopReport;
  door(event: DoorEvent): void;
  recorded(event: SeenEvent): void;
  close(): Promise<void>;
}

export function openTelemetry(parts: ControlPlaneTelemetryParts): ControlPlaneTelemetry {
  const { env, log, evidence } = parts;
  const telemetry = startTelemetry({
    ...{ env, serviceName: 'coffre-control-plane', nowMs: drillClock.nowMs },
    report: (problem) => log.warn({ problem }, 'telemetry'),
  });
  const { meters } = telemetry;
  const stopReading = readProcess(meters);
  const loop = telemetryOfLoop(meters, drillClock);
  const everybody = { name: ownerName, tenant: undefined, mayStrike: false };
  telemetryOfDrills(meters, () => parts.drills()?.list(everybody) ?? [], drillClock.nowMs);
  telemetryOfCertificates(meters, () => certificatesOf(parts));
  telemetryOfSinks(meters, () => parts.sinks());
  return {
    metrics: { contentType: metricsContentType, text: () => telemetry.text() },
    xds: telemetryOfXds(meters, drillClock.monotonicMs),
    lookBegan: () => loop.began(),
    counted: (report) => ({
      problems(problems) {
        loop.problems(problems);
        report.problems(problems);
      },
      published(revision, proxies, withheld) {
        loop.published(revision, proxies, withheld);
        report.published(revision, proxies, withheld);
      },
      buildFailed(workload, part, cause) {
        loop.buildFailed();
        report.buildFailed(workload, part, cause);
      },
      madeWhole(tenant, cause) {
        loop.madeWhole();
        report.madeWhole(tenant, cause);
      },
      issueFailed(failures) {
        loop.issueFailed(failures);
        report.issueFailed(failures);
      },
      runFailed(cause) {
        loop.runFailed();
        report.runFailed(cause);
      },
    }),
    door: telemetryOfDoor(meters),
    recorded: telemetryOfEvidence(meters, evidence),
    close() {
      stopReading();
      return telemetry.shutdown();
    },
  };
}

/** Of every workload that there is, and the control plane's own under its namespace. */
function* certificatesOf(parts: ControlPlaneTelemetryParts): Iterable<SeenCertificate> {
  for (const { tenant, spiffeId } of parts.snapshot()?.workloads.values() ?? []) {
    const certificate = parts.certificateOf(spiffeId);
    if (certificate !== undefined) yield { tenant, notAfterMs: certificate.notAfterMs };
  }
  const own = parts.serverCertificate();
  if (own !== undefined) yield { tenant: systemNamespace, notAfterMs: own.notAfterMs };
}
