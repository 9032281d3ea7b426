/** What drills do, and what proxies report meanwhile, as JSON lines. */
import type { Logger } from 'pino';
import type { DrillEvent } from '../chaos/ports.ts';
import type { ProbeEvent } from '../chaos/probe/probe-reader.io.ts';

/** Of the report streams: load and access log alike. */
interface ReportEvent {
  readonly kind: string;
}

export type DrillReport = ReturnType<typeof logDrills>;

export function logDrills(log: Logger) {
  return {
    drill(event: DrillEvent): void {
      switch (event.kind) {
        case 'told': {
          const { what, text, about } = event.entry;
          log.info({ drill: event.drill, what, about, text }, 'drill');
          return;
        }
        case 'lever': {
          const { pulled, by, reason } = event.lever;
          log.warn({ by, reason }, pulled ? 'the lever was pulled: no drill begins' : 'the lever was released');
          return;
        }
        case 'store-failed':
          log.error({ why: event.message }, 'the journal of drills is not well; no drill starts until it is');
          return;
        case 'stumbled':
          log.error({ drill: event.drill, err: event.cause }, 'a drill stumbled over a fault of ours');
      }
    },
    probe({ drill, probe, why }: ProbeEvent): void {
      log.debug({ drill, probe, why }, 'a probe had nothing to say');
    },
    reportStream({ kind, ...details }: ReportEvent): void {
      // A proxy that is refused comes back every few seconds, and its ADS stream has been told of already.
      const level = kind === 'opened' || kind === 'closed' || kind === 'refused' ? 'debug' : 'warn';
      log[level](details, `report stream ${kind}`);
    },
  };
}
