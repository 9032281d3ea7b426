/** A drill's method, radius, probes and verdict as sentences; whatever an author wrote comes out as Markdown already. */
import type { AbortCondition, BlastRadius, DrillMethod, Probe } from '../../model/drill.ts';
import type { DrillView, ProbeMeasure } from '../drill-engine.ts';
import { numberText, rangeText } from '../probe-tally.ts';
import { code } from './markdown.ts';

export const verdictHeading: Readonly<Record<DrillView['verdict'], string>> = {
  held: 'the hypothesis held',
  deviated: 'the hypothesis did not hold',
  unproven: 'nothing is proven',
  pending: 'not over yet',
};

export const verdictSentence: Readonly<Record<DrillView['verdict'], string>> = {
  held: 'Every probe stayed within its tolerance while the fault lasted, and after it.',
  deviated: 'A probe left its tolerance or fell silent; what was believed is not so.',
  unproven: 'What was seen is not enough to tell whether the hypothesis holds: it is no evidence either way.',
  pending: 'The drill is not over; this is what is known so far.',
};

/** @param service and port, as callers dial it. */
export function methodSentence(method: DrillMethod, service: string, port: number): string {
  const to = `${code(service)} port ${port}`;
  switch (method.kind) {
    case 'openBreaker':
      return `the callers’ circuit breaker towards ${to} let no request (HTTP) or new connection (TCP) through; TCP connections that stood already went on`;
    case 'throttleBreaker':
      return `the callers’ circuit breaker towards ${to} let ${method.limit} requests (HTTP) or connections (TCP) of each proxy through at once`;
    case 'abort':
      return `${method.percent} % of the callers’ requests to ${to} were answered ${method.status} by the target’s own sidecar`;
    case 'delay':
      return `${method.percent} % of the callers’ requests to ${to} waited ${tellMs(method.delayMs)} at the target’s own sidecar`;
    case 'ejectEndpoint':
      return `${method.count} of the endpoints of ${to} answered 503 to the callers, for outlier detection to eject`;
  }
}

export function radiusSentence({ callers, percent }: BlastRadius): string {
  const who = callers.map(({ tenant, serviceAccounts }) =>
    serviceAccounts.length === 0
      ? `every caller of ${code(tenant)}`
      : `${serviceAccounts.map(code).join(', ')} of ${code(tenant)}`,
  );
  return `${percent} % of ${who.join(' and ')}`;
}

export function conditionWords(condition: AbortCondition): string {
  return condition.kind === 'probe' ? `probe ${code(condition.probe)}` : `alert ${code(condition.name)}`;
}

export function sourceWords({ source }: Probe): string {
  switch (source.kind) {
    case 'traffic':
      return `${source.metric} of the drilled edge, ${source.group === 'all' ? 'all callers' : `${source.group} group`}`;
    case 'http':
      return `${source.metric} of GET ${code(withoutSecrets(source.url))}, ${source.expectStatus} expected`;
    case 'grpcHealth':
      return `gRPC health of ${code(source.service)} at ${code(source.address)}`;
    case 'promql':
      return `PromQL ${code(source.query)}`;
  }
}

export function toleranceWords({ tolerance: { atLeast, atMost } }: Probe): string {
  return [
    ...(atLeast === undefined ? [] : [`at least ${numberText(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${numberText(atMost)}`]),
  ].join(', ');
}

export function measureWords(measure: ProbeMeasure | undefined): string {
  if (measure === undefined) return '–';
  const { answers, breaches, range } = measure;
  const values = rangeText(measure);
  if (range === undefined) return values;
  const breached = breaches === 0 ? '' : `, **${breaches} ${breaches === 1 ? 'breach' : 'breaches'}**`;
  return `${values} (${answers} ${answers === 1 ? 'answer' : 'answers'})${breached}`;
}

export function tellMs(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (Math.abs(ms) < 1_000) return `${ms} ms`;
  if (ms < 120_000) return `${ms / 1_000} s`;
  const [minutes, seconds] = [Math.floor(ms / 60_000), Math.round((ms % 60_000) / 1_000)];
  return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
}

/** A report goes to many: what may be a password or a token in an address stays behind. */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return 'an address that is none';
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
}
