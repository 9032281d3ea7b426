/**
 * What proxies report of their own accord, on a port of its own and under mutual TLS: their access logs.
 *
 *   proxy ──▶ access log ──┬──▶ event ──▶ recorder
 *                          ├──▶ failures: is an endpoint ejected?
 *                          └──▶ a drilled edge: how it fares
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import {
  type AccessLogEvent,
  addAccessLogService,
  type ProxyRecord,
} from '../evidence/access-log/access-log-service.io.ts';
import type { clustersPath } from '../evidence/access-log/ejected-hosts.ts';
import { EjectionWatch } from '../evidence/access-log/ejection-watch.io.ts';
import { eventOfRecord, type LoggedEntry } from '../evidence/access-log/event-of-record.ts';
import { lossOfRecords } from '../evidence/access-log/loss-of-records.ts';
import type { Teller } from '../evidence/recorder/recorder-ports.ts';
import { createGrpcServer, type GrpcServer } from '../grpc/grpc-server.ts';
import type { ReportAdmission, ReportCaller } from '../grpc/report-stream.ts';
import type { Authority } from '../identity/authority.ts';
import type { ProxyEyes } from '../inspect/proxy-eyes.io.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemClock } from '../system-clock.ts';
import { meshDirectory } from './mesh-directory.ts';

export interface ProxyReportParts {
  /** `host:port`. */
  readonly address: string;
  readonly authority: Authority;
  admit(caller: ReportCaller): Promise<ReportAdmission>;
  /** Newest; undefined until the sources have been read. */
  snapshot(): Snapshot | undefined;
  readonly eyes: Pick<ProxyEyes, 'read'>;
  readonly teller: Teller;
  /** Of an edge that a drill looks at. */
  logged(record: ProxyRecord): void;
  observe(event: AccessLogEvent): void;
}

export interface ProxyReports {
  /** Not bound yet. */
  readonly server: GrpcServer;
  /** With the control plane's newest certificate. */
  rotate(): void;
  stop(): void;
}

export function hearProxies(parts: ProxyReportParts): ProxyReports {
  const { address, authority, admit, snapshot, eyes, teller, logged, observe } = parts;
  const tls = () => {
    const credentials = authority.serverCredentials();
    if (credentials === undefined) throw new Error('the CA has no certificate for the control plane itself');
    return { ...credentials, clientCaPem: authority.rootPem };
  };
  const server = createGrpcServer({ address, tls: tls(), requireClientCertificate: true });
  const directory = meshDirectory(snapshot);
  const ejections = new EjectionWatch({
    clock: systemClock,
    directory,
    record: (event) => teller.record(event),
    async read(proxy: string, path: typeof clustersPath) {
      const reading = await eyes.read(proxy, path);
      return reading.kind === 'read' ? reading.text : undefined;
    },
  });
  const seen = (entry: LoggedEntry) => {
    const event = eventOfRecord(entry, directory);
    if (event !== undefined) teller.record(event);
    ejections.heard(entry);
  };
  addAccessLogService(server, {
    ...{ admit, logged, seen, clock: systemClock },
    spiffeIdOf: (workload) => directory.spiffeIdOf(workload),
    observe(event) {
      observe(event);
      if (event.kind === 'log-dropped') teller.record(lossOfRecords(event, systemClock.nowMs()));
    },
  });
  return {
    server,
    rotate: () => void server.rotate(tls()),
    stop: () => ejections.stop(),
  };
}
