/** What the author of a drill should know of the edge before the fault: what goes on, what may be ejected, when panic comes. */
import type { DrillEdge, EdgeCaller } from '../envoy/drill-edge.ts';
import type { Drill } from '../model/drill.ts';
import { isNamed } from './strike.ts';

/** Below this share of healthy endpoints, in percent, Envoy sends to all of them. Envoy's own default, which we leave. */
const panicPercent = 50;

export function edgeNotes(drill: Drill, edge: DrillEdge): readonly string[] {
  const { method } = drill;
  switch (method.kind) {
    case 'openBreaker':
    case 'throttleBreaker':
      return edge.protocol === 'tcp'
        ? ['connections that are established go on; new ones are closed by the breaker']
        : ['requests under way go on, and no connection is closed; new requests are answered 503 with the flag UO'];
    case 'abort':
      return method.status >= 500 ? outlierNotes(edge, undefined) : [];
    case 'delay':
      return [];
    case 'ejectEndpoint':
      return outlierNotes(edge, method.count);
  }
}

/** Of probes that look at the control group where nobody may be there to be looked at. @param spared its members. */
export function controlNotes({ steadyState, radius }: Drill, spared: readonly EdgeCaller[]): readonly string[] {
  const probes = steadyState.filter(({ source }) => source.kind === 'traffic' && source.group === 'control');
  if (probes.length === 0 || spared.some((caller) => isNamed(caller, radius))) return [];
  const names = probes.map(({ name }) => `\`${name}\``).join(', ');
  return spared.length === 0
    ? [`the control group is empty: of ${names} there will be no value, which is a breach`]
    : [`every caller of the radius is struck: of ${names} there is a value only while others call the target`];
}

/** @param failing how many endpoints fail; undefined: all of them. */
function outlierNotes({ endpoints, outliers }: DrillEdge, failing: number | undefined): readonly string[] {
  const total = new Set(endpoints.filter(({ ready }) => ready).map(({ proxy }) => proxy)).size;
  const { consecutive5xx, maxEjectionPercent, baseEjectionTimeMs } = outliers;
  const ejectable = Math.floor((total * maxEjectionPercent) / 100);
  const allowed = `of ${total} endpoints outlier detection may eject ${ejectable} (${maxEjectionPercent} %)`;
  if (ejectable === 0) return [`${allowed}: nothing is ejected, and callers go on to meet the fault`];
  const ejected = Math.min(failing ?? total, ejectable);
  const when = `${consecutive5xx} failures in a row eject one for ${baseEjectionTimeMs / 1_000} s`;
  return [
    `${allowed}; ${when}`,
    ...(failing !== undefined && failing > ejectable ? [`${failing - ejectable} that fail stay in`] : []),
    (total - ejected) * 100 < total * panicPercent
      ? `${ejected} ejections leave fewer than ${panicPercent} % healthy: panic, and callers send to every endpoint`
      : `${ejected} ejections leave ${total - ejected} of ${total}: no panic, which begins below ${panicPercent} %`,
  ];
}
