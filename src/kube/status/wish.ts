/**
 * What Coffre wishes to say in the status of one object; what stands there already is no part of it.
 *
 *   object + its problems + who has acknowledged it ──▶ Accepted, ResolvedRefs, Programmed, Conflicted
 */
import { coffreGroup, isKind, kinds } from '../../model/kinds/catalogue.ts';
import type { ObjectRef, Problem, ProblemCode } from '../../model/problem.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import type { Count, Tally } from './acknowledgements.ts';
import { condition, type WishedCondition } from './condition.ts';
import type { DrillFields } from './drill-fields.ts';

export interface Wish {
  /** The object that was judged. */
  readonly object: SourcedObject;
  /** Everything that is wrong with it. */
  readonly problems: readonly Problem[];
  /** Of our own kinds; a route has conditions for each of its parents instead: route-parents.ts. */
  readonly conditions: readonly WishedCondition[];
  /** Of a drill. */
  readonly drill?: DrillFields;
  /** The route is there and not ours any more: what we said of it goes. */
  readonly isWithdrawn?: true;
}

export interface Judged {
  readonly object: SourcedObject;
  readonly problems: readonly Problem[];
  /** Undefined where this content of it has not been published yet. */
  readonly acknowledged: Pick<Tally, 'sidecars' | 'workers'> | undefined;
  readonly drill?: DrillFields;
}

export function hasStatus({ kind }: ObjectRef): boolean {
  return kind === 'HTTPRoute' || (isKind(kind) && kinds[kind].group === coffreGroup);
}

/** Drills reach proxies by other ways, and only while they run. */
export function concernsProxies(ref: ObjectRef): boolean {
  return hasStatus(ref) && ref.kind !== 'Drill' && ref.kind !== 'DrillConsent';
}

export function wishFor(judged: Judged): Wish {
  const { object, problems, drill } = judged;
  const conditions = object.ref.kind === 'HTTPRoute' ? [] : conditionsOf(judged);
  return { object, problems, conditions, ...(drill === undefined ? {} : { drill }) };
}

/** What each problem speaks against. */
type Aspect = 'accepted' | 'resolved' | 'conflict' | 'programmed';

/** What is not named here was written so that it cannot be accepted. */
const aspects: Readonly<Partial<Record<ProblemCode, Aspect>>> = {
  'dangling-reference': 'resolved',
  'missing-tenant': 'resolved',
  'missing-mesh': 'resolved',
  'sealed-service': 'resolved',
  'environment-wall': 'resolved',
  'protected-tenant': 'resolved',
  'region-not-allowed': 'resolved',
  'backend-unresolved': 'resolved',
  'route-not-attached': 'resolved',
  'duplicate-object': 'conflict',
  'address-conflict': 'conflict',
  'port-conflict': 'conflict',
  'policy-conflict': 'conflict',
  'refused-by-proxy': 'programmed',
  'not-built': 'programmed',
};

/** Nothing of an object with one of these is in force, though it is only a warning: nobody made a mistake, its time is over. */
const ended: ReadonlySet<ProblemCode> = new Set(['expired-grant', 'expired-consent']);

function conditionsOf({ problems, acknowledged }: Judged): readonly WishedCondition[] {
  const of = (aspect: Aspect) => problems.filter(({ code }) => (aspects[code] ?? 'accepted') === aspect);
  const accepted = of('accepted');
  const refusing = accepted.filter(({ code, severity }) => severity === 'error' || ended.has(code));
  return [
    refusing.length > 0
      ? condition('Accepted', 'False', reasonOf(refusing), textOf(refusing))
      : condition('Accepted', 'True', 'Accepted', textOf(accepted, 'parsed and valid')),
    negative('ResolvedRefs', of('resolved'), 'ResolvedRefs', 'what it names exists and is permitted'),
    contradiction(of('conflict')),
    programmed(problems, refusing, of('programmed'), acknowledged),
  ];
}

function negative(type: string, problems: readonly Problem[], reason: string, fine: string): WishedCondition {
  return problems.length > 0
    ? condition(type, 'False', reasonOf(problems), textOf(problems))
    : condition(type, 'True', reason, fine);
}

function contradiction(problems: readonly Problem[]): WishedCondition {
  return problems.length > 0
    ? condition('Conflicted', 'True', reasonOf(problems), textOf(problems))
    : condition('Conflicted', 'False', 'NoConflict', 'nothing contradicts it');
}

function programmed(
  problems: readonly Problem[],
  refusing: readonly Problem[],
  unprogrammed: readonly Problem[],
  acknowledged: Judged['acknowledged'],
): WishedCondition {
  const counts = acknowledged === undefined ? '' : countsText(acknowledged);
  if (refusing.length > 0) return condition('Programmed', 'False', 'NotAccepted', 'it is not accepted');
  if (unprogrammed.length > 0) {
    const text = textOf(unprogrammed);
    return condition('Programmed', 'False', reasonOf(unprogrammed), counts === '' ? text : `${counts}; ${text}`);
  }
  if (problems.some(({ severity }) => severity === 'error')) {
    return condition('Programmed', 'False', 'NotInForce', 'not all of it is in force: see the other conditions');
  }
  if (acknowledged === undefined) {
    return condition('Programmed', 'False', 'Pending', 'the proxies have not been told yet');
  }
  const { sidecars, workers } = acknowledged;
  if (sidecars.concerned + workers.concerned === 0) {
    return condition('Programmed', 'True', 'NoProxyConcerned', 'no connected proxy is concerned');
  }
  const isWhole = [sidecars, workers].every((count) => count.acknowledged === count.concerned);
  return condition('Programmed', isWhole ? 'True' : 'False', isWhole ? 'Acknowledged' : 'Pending', counts);
}

function countsText({ sidecars, workers }: Pick<Tally, 'sidecars' | 'workers'>): string {
  const share = ({ acknowledged, concerned }: Count, what: string) =>
    concerned === 0 ? [] : [`${acknowledged} of ${concerned} ${what}`];
  return [...share(sidecars, 'proxies'), ...share(workers, 'authorization workers')].join(', ');
}

/** `DanglingReference` of `dangling-reference`: of the first, which is the most severe. */
function reasonOf(problems: readonly Problem[]): string {
  const [first] = bySeverity(problems);
  return (first?.code ?? '').replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** One line each. @param otherwise where there is none. */
function textOf(problems: readonly Problem[], otherwise = ''): string {
  if (problems.length === 0) return otherwise;
  return bySeverity(problems)
    .map(({ path, message, advice }) => `${path === '' ? '' : `${path}: `}${message}; ${advice}`)
    .join('\n');
}

/** What is equal stays in its order. */
function bySeverity(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((left, right) => Number(left.severity !== 'error') - Number(right.severity !== 'error'));
}
