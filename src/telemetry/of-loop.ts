/** What the control loop tells, as numbers: shaped as the loop's own report, so that it stands beside the log. */
import { instruments, severities } from './instruments.ts';
import type { Meters } from './meters.ts';

/** Characters of a revision that are its label: as many as a person reads aloud. */
const revisionLength = 12;

export interface LoopTelemetry {
  /** A look at the sources begins; how long it takes to publish is measured from here. */
  began(): void;
  problems(problems: readonly { readonly severity: (typeof severities)[number] }[]): void;
  published(revision: string, proxies: number, withheld: readonly string[]): void;
  buildFailed(): void;
  madeWhole(): void;
  issueFailed(failures: readonly unknown[]): void;
  runFailed(): void;
}

export function telemetryOfLoop(meters: Meters, clock: { nowMs(): number; monotonicMs(): number }): LoopTelemetry {
  const runs = meters.count(instruments.loopRuns);
  const duration = meters.measure(instruments.loopDuration);
  const buildFailures = meters.count(instruments.buildFailures);
  const slowWays = meters.count(instruments.slowWays);
  const issueFailures = meters.count(instruments.issueFailures);

  let beganAtMs: number | undefined;
  let problemsBy: Readonly<Record<(typeof severities)[number], number>> = { error: 0, warning: 0 };
  let inForce = { revision: '', proxies: 0, withheld: 0, atMs: 0 };
  meters.read(instruments.problems, (tell) => {
    for (const severity of severities) tell(problemsBy[severity], { severity });
  });
  meters.read(instruments.revision, (tell) => {
    if (inForce.revision !== '') tell(1, { revision: inForce.revision });
  });
  meters.read(instruments.loopPublished, (tell) => tell(inForce.atMs / 1_000, {}));
  meters.read(instruments.proxiesConfigured, (tell) => tell(inForce.proxies, {}));
  meters.read(instruments.proxiesWithheld, (tell) => tell(inForce.withheld, {}));

  return {
    began() {
      beganAtMs = clock.monotonicMs();
    },
    problems(problems) {
      const of = (severity: string) => problems.filter((problem) => problem.severity === severity).length;
      problemsBy = { error: of('error'), warning: of('warning') };
    },
    published(revision, proxies, withheld) {
      inForce = {
        ...{ revision: revision.slice(0, revisionLength), proxies, withheld: withheld.length },
        atMs: clock.nowMs(),
      };
      runs(1, { outcome: 'published' });
      // A run that issues something publishes twice, and both are what somebody waits for.
      if (beganAtMs !== undefined) duration((clock.monotonicMs() - beganAtMs) / 1_000, {});
    },
    buildFailed: () => buildFailures(1, {}),
    madeWhole: () => slowWays(1, {}),
    issueFailed: (failures) => issueFailures(failures.length, {}),
    runFailed: () => runs(1, { outcome: 'failed' }),
  };
}
