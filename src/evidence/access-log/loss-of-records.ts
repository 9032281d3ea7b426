/** Records of a proxy that were not read, as an event of its tenant: nothing is lost without a word. */

import { digest } from '../chain/digest.ts';
import type { LossEvent } from '../event.ts';
import type { LogDropped } from './access-log-service.io.ts';
import { tenantOf } from './tenant-of.ts';

const sentences: Readonly<Record<LogDropped['why'], string>> = {
  'too-large': 'messages of its access log were larger than any that Envoy sends',
  malformed: 'messages of its access log were no messages',
  'too-many': 'it told more records than one proxy may, and those beyond were not read',
};

export function lossOfRecords({ key, why, count }: LogDropped, atMs: number): LossEvent {
  return {
    kind: 'loss',
    id: `l:${digest([key, why, atMs], 40)}`,
    atMs,
    tenant: tenantOf(key),
    workload: key,
    where: `proxy ${key}`,
    count,
    why: sentences[why],
  };
}
