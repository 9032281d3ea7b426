/** When the first certificate of each tenant ends. Never one series for each identity: there are as many as workloads. */
import { otherValue } from './instrument.ts';
import { instruments } from './instruments.ts';
import type { Meters } from './meters.ts';

export interface SeenCertificate {
  readonly tenant: string;
  /** Epoch ms. */
  readonly notAfterMs: number;
}

/** @param certificates those in use now: what was renewed is told with its new end. */
export function telemetryOfCertificates(meters: Meters, certificates: () => Iterable<SeenCertificate>): void {
  const tenantsMax = instruments.certificateEnd.labels.tenant.valuesMax;
  meters.read(instruments.certificateEnd, (tell) => {
    const ends = new Map<string, number>();
    for (const { tenant, notAfterMs } of certificates()) {
      const name = ends.has(tenant) || ends.size < tenantsMax ? tenant : otherValue;
      ends.set(name, Math.min(notAfterMs, ends.get(name) ?? Number.POSITIVE_INFINITY));
    }
    for (const [tenant, endMs] of ends) tell(endMs / 1_000, { tenant });
  });
}
