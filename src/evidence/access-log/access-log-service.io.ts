/**
 * Envoy's gRPC access log, received: what happened at each proxy, and how the edges fared that a drill has switched on.
 *
 *   proxy ──StreamAccessLogs──▶ token and certificate name one workload ──▶ entries ──┬─▶ seen    evidence, within its budget
 *                                                                                     └─▶ logged  a drilled edge
 *
 * Who logs is known from the credentials of the stream; the node that its first message claims is not read. A stolen
 * token is not enough: the certificate of the connection must be the workload's own. Nothing is ever answered: the
 * protocol has no acknowledgement, and what is lost on the way to here is lost. What comes in too fast to be read is
 * counted; what comes in too fast to be counted waits at its sender, as one proxy must not cost the others their time.
 */
import { create } from '@bufbuild/protobuf';
import {
  AccessLogService as AccessLogRpc,
  StreamAccessLogsResponseSchema,
} from '#gen/envoy/service/accesslog/v3/als_pb.js';
import type { GrpcServer } from '../../grpc/grpc-server.ts';
import { spiffeUrisOf } from '../../grpc/peer.ts';
import {
  type ReportAdmission,
  type ReportCaller,
  type ReportPorts,
  type ReportStreamEvent,
  ReportStreams,
} from '../../grpc/report-stream.ts';
import type { AccessLogEntry } from './access-log-entry.ts';
import { type AccessLogRecord, countEntries, decodeAccessLog, edgeRecord } from './access-log-record.ts';
import type { LoggedEntry } from './event-of-record.ts';
import { evidenceLogOf, isEvidenceOnly } from './log-names.ts';
import { LossTally } from './loss-tally.ts';
import { defaultLogRates, type LogRates, RecordBudgets, weightOf } from './record-budgets.ts';

export interface AccessLogPorts extends ReportPorts {
  /** @returns undefined of a workload that is not, or no more, in the mesh. */
  spiffeIdOf(workload: string): string | undefined;
  /** How an edge fared. Must not throw. */
  logged(record: ProxyRecord): void;
  /** What may be evidence. Must not throw. */
  seen(entry: LoggedEntry): void;
  /** Must not throw. */
  observe(event: AccessLogEvent): void;
}

export interface ProxyRecord extends AccessLogRecord {
  /** Client key given at admission. */
  readonly proxy: string;
  /** Epoch ms, of our own clock, when it came; the proxy held it back for a quarter of a second at most. */
  readonly atMs: number;
}

export type AccessLogEvent = ReportStreamEvent | LogDropped;

/** What was not read of this proxy in the last ten seconds; `count` is of messages, and of `too-many` of records. */
export interface LogDropped {
  readonly kind: 'log-dropped';
  readonly key: string;
  readonly why: DropReason;
  readonly count: number;
}

type DropReason =
  /** A message beyond its bound. */
  | 'too-large'
  /** Bytes that are no message. */
  | 'malformed'
  /** Records beyond what one proxy may tell. */
  | 'too-many';

/** Envoy has one stream for each worker thread and kind of logger; a hot restart doubles them. */
const streamsPerClientMax = 128;

/** Longest that a caller waits to be known, in ms. */
const admissionWaitMs = 15_000;

/** A stream of which no more is taken for a while: flow control makes its sender wait. */
interface Pausable {
  pause(): void;
  resume(): void;
}

export function addAccessLogService(
  server: Pick<GrpcServer, 'addService'>,
  ports: AccessLogPorts,
  rates: LogRates = defaultLogRates,
): void {
  const admit = async (caller: ReportCaller) => certified(await ports.admit(caller), caller, ports);
  const streams = new ReportStreams(
    { admit, clock: ports.clock },
    { streamsPerClientMax, admissionWaitMs },
    ports.observe,
  );
  const records = new RecordBudgets(rates.records);
  const edges = new RecordBudgets(rates.edges);
  const bytes = new RecordBudgets(rates.bytes);
  const dropped = new LossTally<DropReason>({
    setTimer: (ms, then) => ports.clock.setTimer(ms, then),
    tell: ({ where, why, count }) => ports.observe({ kind: 'log-dropped', key: where, why, count }),
  });

  function hear(proxy: string, call: Pausable) {
    let logName = '';
    return {
      heard(message: Uint8Array) {
        const atMs = ports.clock.nowMs();
        const owedMs = bytes.owe(proxy, message.length, atMs);
        if (owedMs > 0) {
          call.pause();
          ports.clock.setTimer(owedMs, () => void call.resume());
        }
        const budgets = isEvidenceOnly(logName) ? records : edges;
        if (budgets.isSpent(proxy, atMs)) {
          const unread = countEntries(message);
          if (typeof unread === 'number') dropped.add(proxy, 'too-many', unread);
          else dropped.add(proxy, unread, 1);
          return;
        }
        const decoded = decodeAccessLog(message, logName);
        if (decoded.kind !== 'ok') {
          budgets.take(proxy, weightOf(message), atMs);
          dropped.add(proxy, decoded.kind, 1);
          return;
        }
        logName = decoded.logName;
        if (!isEvidenceOnly(logName)) {
          for (const entry of decoded.entries) ports.logged({ proxy, atMs, ...edgeRecord(entry, logName) });
        }
        const evidence = decoded.entries.flatMap((entry) => asEvidence(entry, logName, { proxy, atMs }));
        const taken = records.take(proxy, evidence.length, atMs);
        const work = Math.max(decoded.entries.length, weightOf(message));
        budgets.take(proxy, budgets === records ? work - evidence.length : work, atMs);
        for (const entry of evidence.slice(0, taken)) ports.seen(entry);
        if (taken < evidence.length) dropped.add(proxy, 'too-many', evidence.length - taken);
      },
      closed: () => undefined,
    };
  }

  server.addService(
    AccessLogRpc,
    { streamAccessLogs: { request: 'raw' } },
    {
      streamAccessLogs(call, callback) {
        streams.listen(
          call,
          (status) =>
            status === undefined ? callback(null, create(StreamAccessLogsResponseSchema)) : callback(status),
          (proxy) => hear(proxy, call),
        );
      },
    },
  );
}

/** Of an opaque edge only what failed: the rest is there because a drill wants to see it. */
function asEvidence(entry: AccessLogEntry, logName: string, of: Pick<LoggedEntry, 'proxy' | 'atMs'>): LoggedEntry[] {
  const log = evidenceLogOf(logName, entry.protocol);
  if (log === undefined) return [];
  if (log !== 'opaque-edge') return [{ ...entry, ...of, log }];
  return entry.flags.length === 0 ? [] : [{ ...entry, ...of, log, cluster: logName }];
}

/** Token and certificate must name the same workload, the certificate by that one name and no other. */
function certified(
  admission: ReportAdmission,
  { certificate }: ReportCaller,
  { spiffeIdOf }: AccessLogPorts,
): ReportAdmission {
  if (admission.kind === 'refused') return admission;
  const wanted = spiffeIdOf(admission.key);
  const [shown, ...more] = spiffeUrisOf(certificate?.subjectaltname ?? '');
  if (wanted !== undefined && shown === wanted && more.length === 0) return admission;
  const reason = `its token is that of \`${admission.key}\`, and its certificate that of ${shown === undefined ? 'nobody' : `\`${shown}\``}`;
  return { kind: 'refused', status: 'PERMISSION_DENIED', reason };
}
