/**
 * A report with its signature: what is recorded is asked for, told, and signed to the byte.
 *
 *   record ──wantedHappenings──▶ evidence ──▶ happenings ──drillReport──▶ text ──sign──▶ signature
 *
 * Whoever speaks for one tenant is told what that tenant's own proxies saw, whosever drill it was.
 */
import type { Snapshot } from '../../model/snapshot.ts';
import type { DrillRecord, SignedReport } from '../drill-engine.ts';
import type { ReportEvidence, WantedHappenings } from '../ports.ts';
import { drillReport } from './drill-report.ts';
import type { Happenings } from './happening.ts';
import type { ReportForm, ReportLanguage } from './report-form.ts';

/**
 * @param clusters of the drilled edge, as its callers' proxies call them.
 * @param tenant that is told; undefined for the whole mesh.
 */
export function wantedHappenings(
  record: DrillRecord,
  clusters: readonly string[],
  tenant: string | undefined,
  snapshot: Snapshot | undefined,
  nowMs: number,
): WantedHappenings {
  const { service, port } = record.definition.target;
  const servicePort = snapshot?.services.get(service)?.ports.find((each) => each.port === port);
  const involved = [record.tenant, ...record.callers.map(({ account }) => account.slice(0, account.indexOf('/')))];
  return {
    fromMs: record.startedAtMs || (record.timeline[0]?.atMs ?? nowMs),
    untilMs: (record.endedAtMs || nowMs) + 1,
    tenants: tenant === undefined ? [...new Set(involved)] : [tenant],
    ofMesh: tenant === undefined,
    clusters: new Set(clusters),
    endpoints: new Set(servicePort?.endpoints.map(({ workload }) => workload)),
    accounts: new Map(
      record.callers.flatMap(({ account, struck, spared }) =>
        [...struck, ...spared].map((proxy) => [proxy, account] as const),
      ),
    ),
  };
}

export async function signedReport(
  evidence: ReportEvidence,
  record: DrillRecord,
  wanted: WantedHappenings,
  form: ReportForm,
  language: ReportLanguage,
): Promise<SignedReport> {
  const happenings = await evidence.happenings(wanted).catch((): Happenings => ({ each: [], isCut: true }));
  const text = drillReport({ record, happenings, head: evidence.head() }, form, language);
  const { phase, verdict } = record;
  return { text, signature: evidence.sign(new TextEncoder().encode(text)), phase, verdict };
}
