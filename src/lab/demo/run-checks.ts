/** Runs the rows one after another: they act on one mesh, and each looks at what happened while it acted. */
import { type Check, type CheckResult, NotShown, type Outcome, type Theme } from './check.ts';
import type { DemoContext } from './demo-context.ts';

export interface Progress {
  theme(title: string): void;
  began(check: Check): void;
  ended(result: CheckResult): void;
}

export async function runChecks(
  themes: readonly Theme[],
  context: DemoContext,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { title, checks } of themes) {
    progress.theme(title);
    for (const check of checks) {
      progress.began(check);
      const beganMs = performance.now();
      const outcome = cannotShow(check, context) ?? (await check.run(context).catch(outcomeOf));
      signal.throwIfAborted();
      const result = { check, outcome, tookMs: performance.now() - beganMs };
      results.push(result);
      progress.ended(result);
    }
  }
  return results;
}

function cannotShow({ needs }: Check, { onLoopback }: DemoContext): Outcome | undefined {
  if (needs === undefined || !onLoopback) return undefined;
  return { kind: 'not-shown', got: 'this lab has no interception; what that means: docs/explicit-mode.md' };
}

/** Where no mesh could be started, every row has the same outcome. */
export function sameForAll(themes: readonly Theme[], outcome: Outcome): readonly CheckResult[] {
  return themes.flatMap(({ checks }) => checks.map((check) => ({ check, outcome, tookMs: 0 })));
}

export function outcomeOf(error: unknown): Outcome {
  const got = error instanceof Error ? error.message : String(error);
  return { kind: error instanceof NotShown ? 'not-shown' : 'fail', got };
}
