/** Rules over `Drill` for an API server. */
import { delayRange, faultRange, intervalRange, observeRange, silenceRange } from '../../../model/drill-rules.ts';
import {
  observeDefaultMs,
  probeIntervalDefaultMs,
  probeSilenceDefaultMs,
  trafficSeenMs,
} from '../../../model/drill-words.ts';
import { cel, durationWithin, exactlyOneOf, type FieldRule, noUserIn, unique } from '../field-rule.ts';

const methods = ['openBreaker', 'throttleBreaker', 'abort', 'delay', 'ejectEndpoint'];
const sources = ['traffic', 'http', 'grpcHealth', 'promql'];

function orDefault(of: string, field: string, defaultMs: number): string {
  return `duration(has(${of}.${field}) ? ${of}.${field} : '${defaultMs}ms')`;
}

const silence = orDefault('self', 'silence', probeSilenceDefaultMs);
const observe = orDefault('self', 'observe', observeDefaultMs);
const seen = `duration('${trafficSeenMs}ms')`;

/** Whether a probe is judged by what proxies report, and before the fault or after it. */
const isObservedTraffic =
  "has(probe.source.traffic) && !(has(probe.phases) && probe.phases.all(phase, phase == 'during'))";

export const drillRules: readonly FieldRule[] = [
  exactlyOneOf('spec.method', methods),
  durationWithin('spec.method.delay.duration', delayRange),
  durationWithin('spec.duration', faultRange),
  durationWithin('spec.observe', observeRange),
  unique('spec.steadyState', 'name'),
  exactlyOneOf('spec.steadyState[].source', sources),
  noUserIn('spec.steadyState[].source.http.url'),
  durationWithin('spec.steadyState[].interval', intervalRange),
  durationWithin('spec.steadyState[].silence', silenceRange),
  cel(
    'spec.steadyState[].tolerance',
    '!has(self.atLeast) || !has(self.atMost) || self.atLeast <= self.atMost',
    'no value is at least the one and at most the other: write `atLeast` below `atMost`',
  ),
  cel(
    'spec.steadyState[]',
    `${silence} >= ${orDefault('self', 'interval', probeIntervalDefaultMs)}`,
    'the probe would be silent before its second look: write a `silence` longer than `interval`',
  ),
  cel(
    'spec.steadyState[]',
    `!has(self.source.traffic) || ${silence} >= ${seen}`,
    `the probe would be silent before the first report of the callers’ proxies: write a \`silence\` of at least \`${trafficSeenMs / 1_000}s\``,
  ),
  cel(
    'spec',
    `self.steadyState.all(probe, !(${isObservedTraffic}) || ${observe} >= ${seen})`,
    `what is observed would be over before the first report of the callers’ proxies: write an \`observe\` of at least \`${trafficSeenMs / 1_000}s\``,
  ),
  cel(
    'spec',
    `self.steadyState.all(probe, !(${isObservedTraffic}) || ${orDefault('probe', 'interval', probeIntervalDefaultMs)} < ${observe})`,
    'a probe would look once while it is observed, when no proxy has reported yet: write an `interval` shorter than `observe`',
  ),
  exactlyOneOf('spec.abortOn[]', ['probe', 'alert']),
  cel(
    'spec',
    "self.abortOn.all(condition, !has(condition.probe) || self.steadyState.exists(probe, probe.name == condition.probe && (!has(probe.phases) || 'during' in probe.phases)))",
    'a condition of `abortOn` would never hold: name a probe of this drill that is judged `during` it',
  ),
];
