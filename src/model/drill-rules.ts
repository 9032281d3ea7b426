/**
 * Rules over one `Drill`, one `DrillConsent` and the house rules of `Mesh` that their schemas cannot say: exactly one of
 * several, ranges of durations, probes that conditions name, hours in order.
 */

import { bad, badUrl, exactlyOne, outOfRange, type Range } from './common-findings.ts';
import {
  observeDefaultMs,
  probeIntervalDefaultMs,
  probePhases,
  probeSilenceDefaultMs,
  trafficSeenMs,
} from './drill-words.ts';
import { parseDurationMs } from './duration.ts';
import type { DrillObject, ProbeObject } from './kinds/drill.ts';
import type { DrillConsentObject } from './kinds/drill-consent.ts';
import type { MeshObject } from './kinds/mesh.ts';
import { nearest } from './nearest.ts';
import { quote, quoteList } from './quote.ts';
import type { Finding } from './sourced-object.ts';

/** Of a fault: shorter than a second nothing is seen, longer than a day is an outage. */
export const faultRange: Range = { minMs: 1_000, maxMs: 86_400_000, words: 'between `1s` and `24h`' };
export const observeRange: Range = { minMs: 1_000, maxMs: 3_600_000, words: 'between `1s` and `1h`' };
export const delayRange: Range = { minMs: 1, maxMs: 60_000, words: 'between `1ms` and `1m`' };
export const intervalRange: Range = { minMs: 100, maxMs: 60_000, words: 'between `100ms` and `1m`' };
export const silenceRange: Range = { minMs: 1_000, maxMs: 300_000, words: 'between `1s` and `5m`' };

export function drillFindings({ spec }: DrillObject): Finding[] {
  const { method, steadyState, abortOn } = spec;
  return [
    ...exactlyOne('spec.method', method),
    ...outOfRange('spec.method.delay.duration', method.delay?.duration, delayRange),
    ...outOfRange('spec.duration', spec.duration, faultRange),
    ...outOfRange('spec.observe', spec.observe, observeRange),
    ...steadyState.flatMap((probe, index) => probeFindings(probe, `spec.steadyState[${index}]`)),
    ...unseenTraffic(spec),
    ...repeatedNames(steadyState),
    ...abortOn.flatMap((condition, index) => conditionFindings(condition, `spec.abortOn[${index}]`, steadyState)),
  ];
}

function probeFindings({ source, tolerance, interval, silence }: ProbeObject, path: string): Finding[] {
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = tolerance;
  const intervalMs = msOf(interval, probeIntervalDefaultMs);
  const silenceMs = msOf(silence, probeSilenceDefaultMs);
  return [
    ...exactlyOne(`${path}.source`, source),
    ...badUrl(`${path}.source.http.url`, source.http?.url),
    ...outOfRange(`${path}.interval`, interval, intervalRange),
    ...outOfRange(`${path}.silence`, silence, silenceRange),
    ...(atLeast <= atMost
      ? []
      : [
          bad(
            `${path}.tolerance`,
            'no value is at least the one and at most the other',
            'write `atLeast` below `atMost`',
          ),
        ]),
    ...(silenceMs >= intervalMs
      ? []
      : [bad(path, 'the probe would be silent before its second look', 'write a `silence` longer than `interval`')]),
    ...(source.traffic === undefined || silenceMs >= trafficSeenMs
      ? []
      : [bad(`${path}.silence`, `the probe would be silent before ${firstReport}`, atLeastSeen)]),
  ];
}

const firstReport =
  'the first load report of the callers’ proxies, which comes one to two seconds after the first look';
const atLeastSeen = `write at least \`${trafficSeenMs / 1_000}s\``;

/** What is observed before and after is judged at the end of it: a probe without a value by then fails the drill. */
function unseenTraffic({ observe, steadyState }: DrillObject['spec']): Finding[] {
  const observeMs = msOf(observe, observeDefaultMs);
  return steadyState.flatMap(({ name, source, phases = probePhases, interval }, index) => {
    if (source.traffic === undefined || phases.every((phase) => phase === 'during')) return [];
    if (observeMs < trafficSeenMs) {
      const message = `it is over before ${firstReport}, so ${quote(name)} would have no value and the drill never begin`;
      return [bad('spec.observe', message, atLeastSeen)];
    }
    if (msOf(interval, probeIntervalDefaultMs) < observeMs) return [];
    const message = `${quote(name)} would look once while it is observed, when no proxy has reported yet`;
    return [bad(`spec.steadyState[${index}].interval`, message, 'write an `interval` shorter than `observe`')];
  });
}

/** Of a duration that cannot be read somebody else has said so. */
function msOf(written: string | undefined, defaultMs: number): number {
  return written === undefined ? defaultMs : (parseDurationMs(written) ?? 0);
}

function repeatedNames(probes: readonly ProbeObject[]): Finding[] {
  return probes.flatMap(({ name }, index) =>
    probes.findIndex((probe) => probe.name === name) === index
      ? []
      : [bad(`spec.steadyState[${index}].name`, `two probes are called ${quote(name)}`, 'give each a name of its own')],
  );
}

function conditionFindings(
  condition: DrillObject['spec']['abortOn'][number],
  path: string,
  probes: readonly ProbeObject[],
): Finding[] {
  const { probe: name } = condition;
  const probe = probes.find((each) => each.name === name);
  const findings = exactlyOne(path, condition);
  if (name === undefined) return findings;
  if (probe === undefined) {
    const names = probes.map((each) => each.name);
    const meant = nearest(name, names);
    const advice = meant === undefined ? `the probes are ${quoteList(names)}` : `did you mean ${quote(meant)}?`;
    const message = `no probe of this drill is called ${quote(name)}, so the condition would never hold`;
    return [...findings, { ...bad(`${path}.probe`, message, advice), code: 'dangling-reference' }];
  }
  if (probe.phases?.includes('during') ?? true) return findings;
  const message = `the probe ${quote(name)} is not judged while the fault lasts, so the condition would never hold`;
  return [...findings, bad(`${path}.probe`, message, 'add `during` to its phases')];
}

export function consentFindings({ spec }: DrillConsentObject): Finding[] {
  const { asTarget, asCaller, windows = [], notAfter } = spec;
  const findings = [
    ...outOfRange('spec.asTarget.maxDuration', asTarget?.maxDuration, faultRange),
    ...outOfRange('spec.asCaller.maxDuration', asCaller?.maxDuration, faultRange),
    ...noMoment('spec.notAfter', notAfter),
    // Two digits each: as text they are in the order of time.
    ...windows.flatMap(({ from, to }, index) =>
      from < to
        ? []
        : [
            bad(
              `spec.windows[${index}]`,
              `${quote(to)} is not after ${quote(from)}`,
              'write hours that cross midnight as two windows',
            ),
          ],
    ),
  ];
  if (asTarget !== undefined || asCaller !== undefined) return findings;
  const message = 'the consent has neither `asTarget` nor `asCaller`: it allows nothing';
  const advice = 'write what drills may do to services of this tenant, or to its callers';
  return [...findings, { code: 'missing-field', severity: 'error', path: 'spec', message, advice }];
}

export function houseRuleFindings(rules: MeshObject['spec']['drills']): Finding[] {
  return [
    ...outOfRange('spec.drills.maxDuration', rules?.maxDuration, faultRange),
    ...badUrl('spec.drills.prometheusUrl', rules?.prometheusUrl),
    ...(rules?.probeTargets ?? []).flatMap((target, index) =>
      badUrl(`spec.drills.probeTargets[${index}]`, target.includes('://') ? target : `tcp://${target}`),
    ),
  ];
}

/** @param written as the pattern of a moment lets it through. */
export function noMoment(path: string, written: string | undefined): Finding[] {
  if (written === undefined) return [];
  // A day that its month has not is read as one of the next month.
  const day = written.slice(0, 'yyyy-mm-dd'.length);
  if (new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)) return [];
  return [bad(path, `${quote(written)} is no moment of the calendar`, 'write a date that exists')];
}
