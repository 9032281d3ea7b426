import type { DrillRecord } from '../../../src/chaos/drill-engine.ts';
import { drillReport } from '../../../src/chaos/report/drill-report.ts';

/** In Markdown and English, of a mesh in which nothing else was recorded. */
export function toldReport(record: DrillRecord): string {
  return drillReport({ record, happenings: { each: [], isCut: false }, head: 'eu-1:4711:9f86' }, 'markdown', 'en');
}
