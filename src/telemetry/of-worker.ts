/** What else an authorization worker can say of itself: whether it is fed, and what its log could not hold. */
import { instruments } from './instruments.ts';
import type { Meters } from './meters.ts';

export interface WorkerTelemetry {
  /** An event of its xDS client, as far as it is looked at. */
  xds(event: { readonly kind: string }): void;
}

export function telemetryOfWorker(meters: Meters, linesLost: () => number): WorkerTelemetry {
  let connected = false;
  meters.read(instruments.authzConnected, (tell) => tell(connected ? 1 : 0, {}));
  meters.read(instruments.decisionLinesLost, (tell) => tell(linesLost(), {}));
  return {
    xds({ kind }) {
      if (kind === 'connected') connected = true;
      if (kind === 'ended') connected = false;
    },
  };
}
