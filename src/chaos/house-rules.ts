/** What the mesh itself lets a drill do, whoever consents: caps, protected tenants, the lever, one drill per edge. */
import { type Drill, neverDrilled } from '../model/drill.ts';
import type { Mesh } from '../model/snapshot.ts';
import type { PlanView } from './drill-engine.ts';
import type { Refusal } from './refusal.ts';

/** Of the drill alone: what must hold at its start, and as long as it runs. */
export function ruleRefusals({ tenant, durationMs, radius }: Drill, { drills: rules }: Mesh): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (rules.halted) {
    const advice = 'wait until `drills.halted` is taken out of the mesh';
    refusals.push({ message: 'the lever is pulled in `Mesh`: no drill runs', advice });
  }
  if (durationMs > rules.maxDurationMs) {
    const message = `it lasts ${durationMs / 1_000} s and the mesh allows ${rules.maxDurationMs / 1_000} s`;
    refusals.push({ message, advice: 'make it shorter' });
  }
  for (const touched of new Set([tenant, ...radius.callers.map((caller) => caller.tenant)])) {
    if (!neverDrilled.has(touched) && !rules.protectedTenants.has(touched)) continue;
    const message = `\`${touched}\` is never drilled, neither as target nor as caller`;
    refusals.push({ message, advice: 'name another tenant' });
  }
  return refusals;
}

/** What of a run under way matters to another drill. */
export interface RunningDrill {
  readonly drill: Drill;
  readonly plan: PlanView;
}

/** Of the drill beside the others: judged once, at its start. */
export function crowdRefusals(
  drill: Drill,
  plan: PlanView,
  running: readonly RunningDrill[],
  { drills: rules }: Mesh,
): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (running.length >= rules.maxConcurrent) {
    const message = `${running.length} drills are running and the mesh allows ${rules.maxConcurrent} at a time`;
    refusals.push({ message, advice: 'wait until one of them is over' });
  }
  const other = running.find((each) => overlaps(drill, plan, each));
  if (other !== undefined) {
    const message = `\`${other.drill.key}\` strikes the same edge, and of two faults nobody could tell the effects apart`;
    refusals.push({ message, advice: `wait until \`${other.drill.key}\` is over` });
  }
  return refusals;
}

/** The same service and port, or the same key of the same proxy: two services may lead to one port of one pod. */
function overlaps({ target }: Drill, plan: PlanView, other: RunningDrill): boolean {
  if (target.service === other.drill.target.service && target.port === other.drill.target.port) return true;
  const taken = new Set(settingsOf(other.plan));
  return settingsOf(plan).some((setting) => taken.has(setting));
}

function settingsOf({ touches, watches = [] }: PlanView): readonly string[] {
  return [...touches, ...watches].flatMap(({ proxy, keys }) => keys.map(({ key }) => `${proxy} ${key}`));
}
