/**
 * One way out of a sidecar, logged to the control plane while somebody wants to know: every request, none left out.
 *
 *   request ──▶ runtime key `drill.log.<cluster>`, 0 unless a drill says otherwise ──▶ record ──▶ control plane
 *
 * Always armed, as arming it later would change the listener and drain its connections. Outside a drill a request costs
 * one look at the runtime, and the proxy one timer. Of an opaque port, what failed is told without being asked for: no
 * other log names the edge.
 * The surprise is where a route divides the requests: the key is that of the service that was dialled, the record names
 * the backend that was chosen. So the key of a service does not switch on the requests that reach it by the route of
 * another one. And a connection that its breaker refused names no cluster (measured with Envoy 1.40.0), which is why the
 * log of an opaque port bears the name of its edge.
 */
import type { AccessLog, AccessLogFilter } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { FractionalPercent_DenominatorType } from '#gen/envoy/type/v3/percent_pb.js';
import { anyOf, filterOf } from './access-log.ts';
import { edgeLogKey } from './drill-keys.ts';
import { failed, httpLog, tcpLog } from './evidence-log.ts';

/** The log of HTTP, the same for every listener: Envoy keeps a stream and a timer for each that is different. */
const requests = {
  logName: 'requests',
  /** Longest that a record waits in the proxy for others, in ms: it is part of what an abort waits for. */
  flushIntervalMs: 250,
  /** Records that are sent without waiting, in bytes; some thirty of them. Envoy's own default, said aloud. */
  bufferBytes: 16_384,
} as const;

/** The log of one opaque port: connections are few, so each record leaves by itself and the timer has nothing to do. */
const connections = { flushIntervalMs: 3_600_000, bufferBytes: 1 } as const;

/** @param cluster of the service that is dialled. */
export function httpEdgeLog(cluster: string): AccessLog {
  return httpLog(requests, whileLogged(cluster));
}

export function tcpEdgeLog(cluster: string): AccessLog {
  return tcpLog({ ...connections, logName: cluster }, anyOf(whileLogged(cluster), failed()));
}

/** Percent of the requests, by a throw of the dice for each: a caller's request id would always fall on the same side. */
function whileLogged(cluster: string): AccessLogFilter {
  return filterOf({
    case: 'runtimeFilter',
    value: {
      runtimeKey: edgeLogKey(cluster),
      percentSampled: { numerator: 0, denominator: FractionalPercent_DenominatorType.HUNDRED },
      useIndependentRandomness: true,
    },
  });
}
