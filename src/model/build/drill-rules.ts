/** The house rules of drills: what `Mesh` says of them, and a named default where it says nothing. */
import { type DrillRules, defaultDrillRules } from '../drill.ts';
import { parseDurationMs } from '../duration.ts';
import type { MeshObject } from '../kinds/mesh.ts';

export function buildDrillRules(written: MeshObject['spec']['drills']): DrillRules {
  if (written === undefined) return defaultDrillRules;
  const { halted, maxDuration, maxConcurrent, secondPersonAbove, protectedTenants, probeTargets, prometheusUrl } =
    written;
  const byDefault = defaultDrillRules;
  return {
    halted: halted ?? byDefault.halted,
    maxDurationMs: parseDurationMs(maxDuration ?? '') ?? byDefault.maxDurationMs,
    maxConcurrent: maxConcurrent ?? byDefault.maxConcurrent,
    secondPersonAbove: { ...byDefault.secondPersonAbove, ...secondPersonAbove },
    protectedTenants: new Set(protectedTenants),
    probeTargets: new Set(probeTargets?.map(probeTargetOf)),
    ...(prometheusUrl === undefined ? {} : { prometheusUrl }),
  };
}

/** One spelling of each: the origin of a URL, or `host:port`. */
export function probeTargetOf(written: string): string {
  return written.includes('://') ? new URL(written).origin : written.toLowerCase();
}
