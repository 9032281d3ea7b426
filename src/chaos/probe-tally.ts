/** What one probe has answered in one phase: how often, how often out of tolerance, and between which values. */
import type { Probe, ProbePhase } from '../model/drill.ts';
import type { ProbeMeasure } from './drill-engine.ts';

export type ProbeJudgement = 'within' | 'breach';

export function judgeReading({ tolerance }: Probe, value: number): ProbeJudgement {
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = tolerance;
  return value >= atLeast && value <= atMost ? 'within' : 'breach';
}

export function emptyMeasure(probe: Probe, phase: ProbePhase): ProbeMeasure {
  return { probe: probe.name, phase, answers: 0, breaches: 0, range: undefined };
}

/** Such as `0.2 to 0.5`, or that there was none. */
export function rangeText({ range }: ProbeMeasure): string {
  if (range === undefined) return 'no answer';
  const { lowest, highest } = range;
  return lowest === highest ? numberText(lowest) : `${numberText(lowest)} to ${numberText(highest)}`;
}

/** Rounded to what a person compares. */
export function numberText(value: number): string {
  return String(Number(value.toFixed(4)));
}

export function addReading(measure: ProbeMeasure, value: number, judgement: ProbeJudgement): ProbeMeasure {
  const { lowest, highest } = measure.range ?? { lowest: value, highest: value };
  return {
    ...measure,
    answers: measure.answers + 1,
    breaches: measure.breaches + (judgement === 'breach' ? 1 : 0),
    range: { lowest: Math.min(lowest, value), highest: Math.max(highest, value) },
  };
}
