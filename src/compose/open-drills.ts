/**
 * The drills of one control plane, joined to what they act through and what they see by.
 *
 *   DrillRunner ──▶ overlay on RTDS (xds)          ◀── ACK, NACK (xds), runtime and config (inspect)
 *               ──▶ journal on the evidence        ◀── load reports (xds), access log (evidence), probes
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import type { DrillEngine } from '../chaos/drill-engine.ts';
import type { Journal } from '../chaos/journal.ts';
import type { ReportEvidence } from '../chaos/ports.ts';
import { createProbeReader } from '../chaos/probe/probe-reader.io.ts';
import { DrillRunner } from '../chaos/runner.io.ts';
import { drillLayers } from '../controller/drill-layers.ts';
import { logDrills } from '../controller/drill-report.io.ts';
import { movedResources } from '../controller/moved-resources.ts';
import { OpenStreams } from '../controller/open-streams.ts';
import type { AccessLogEvent, ProxyRecord } from '../evidence/access-log/access-log-service.io.ts';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import type { ReportAdmission, ReportCaller } from '../grpc/report-stream.ts';
import type { ProxyEyes } from '../inspect/proxy-eyes.io.ts';
import { defaultDrillRules } from '../model/drill.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { drillClock, systemClock } from '../system-clock.ts';
import type { SnapshotCache } from '../xds/cache.ts';
import type { ClientStatus } from '../xds/client-status.ts';
import { createLoadService } from '../xds/load-service.io.ts';
import { typeUrls } from '../xds/type-url.ts';
import type { XdsEvent } from '../xds/xds-event.ts';

export interface DrillHost {
  readonly journal: Journal;
  readonly reports: ReportEvidence;
  readonly cache: SnapshotCache;
  /** Every open stream of a proxy. */
  clients(): readonly ClientStatus[];
  snapshot(): Snapshot | undefined;
  readonly eyes: ProxyEyes;
  /** Takes the proxies' reports. */
  readonly server: GrpcServer;
  /** Who reports, by its token. */
  admit(caller: ReportCaller): Promise<ReportAdmission>;
  readonly log: Logger;
}

export interface Drills {
  readonly engine: DrillEngine;
  /** Told of everything the xDS server observes. */
  heard(event: XdsEvent): void;
  /** Told of each record of a drilled edge. */
  logged(record: ProxyRecord): void;
  /** Told of the streams of the access log. */
  reportStream(event: AccessLogEvent): void;
  /** The mesh changed: consents and rules may have. */
  lookAgain(): void;
  stop(): void;
}

export function openDrills(host: DrillHost): Drills {
  const { cache, clients, snapshot, eyes, server, admit, journal, reports, log } = host;
  const report = logDrills(log);
  const loads = createLoadService({
    admit,
    clock: systemClock,
    reported: (load) => probes.load(load),
    observe: report.reportStream,
  });
  const probes = createProbeReader({
    clock: systemClock,
    rules: () => snapshot()?.mesh.drills ?? defaultDrillRules,
    watchLoads: (proxies, cluster) => loads.watch(proxies, cluster),
    observe: report.probe,
  });
  loads.addTo(server);
  const streams = new OpenStreams();
  const runner = new DrillRunner({
    clock: drillClock,
    snapshot,
    // Measured: in state of the world Envoy renews no TTL by a heartbeat, and the fault would end after the first.
    connected: () =>
      new Map(clients().map(({ key, takesTtl, protocol }) => [key, { takesTtl: takesTtl && protocol === 'delta' }])),
    layers: drillLayers(cache),
    eyes,
    probes,
    journal,
    evidence: reports,
    observe: report.drill,
  });
  return {
    engine: runner,
    heard(event) {
      if ('key' in event) {
        const moved = movedResources(event);
        if (moved.length > 0) runner.accepted(event.key, moved);
      }
      if (event.kind === 'nacked' && event.typeUrl === typeUrls.runtime) runner.refused(event.key, event.cause.message);
      if (event.kind === 'lapsed' && event.typeUrl === typeUrls.runtime) runner.lapsed(event.key);
      if (event.kind === 'stream-opened') {
        // A second stream is that of a proxy whose first has been dead for a while, unnoticed here.
        if (streams.opened(event.key) > 1) runner.lapsed(event.key);
        runner.returned(event.key);
      }
      if (event.kind === 'stream-closed' && streams.closed(event.key) === 0) runner.left(event.key);
    },
    logged: (record) => probes.record(record),
    reportStream: report.reportStream,
    lookAgain: () => runner.lookAgain(),
    stop() {
      runner.stop();
      journal.close();
    },
  };
}
