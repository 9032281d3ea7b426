/**
 * Troubles of telemetry itself, told once and then counted: a collector that is away fails every export, and a log that
 * says so each second hides everything else.
 */
import type { DiagLogger } from '@opentelemetry/api';

/** One sentence in this time, in ms; what comes in between is counted. */
export const troubleEveryMs = 60_000;
/** Longest cause that is told, in characters: an exporter puts a collector's whole answer in it. */
const causeLengthMax = 500;

/** @param report must not throw. */
export function troubleTeller(nowMs: () => number, report: (problem: string) => void): DiagLogger {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let untold = 0;
  const tell = (message: string, ...rest: readonly unknown[]) => {
    if (nowMs() - toldAtMs < troubleEveryMs) {
      untold++;
      return;
    }
    toldAtMs = nowMs();
    const cause = [message, ...rest.map(String)].join(' ').slice(0, causeLengthMax);
    report(
      `telemetry has trouble, and all else goes on: ${cause}${untold === 0 ? '' : ` (and ${untold} more before)`}`,
    );
    untold = 0;
  };
  const silent = () => undefined;
  return { error: tell, warn: tell, info: silent, debug: silent, verbose: silent };
}
