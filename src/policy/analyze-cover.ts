/**
 * Whether one rule matches every request that another matches: by the shape of their conditions, never by trying.
 *
 *   wide covers narrow  =  each condition of the wide rule is implied by one of the narrow rule
 *
 * It errs on one side only. What is covered by two rules together, or by the meaning of a condition in CEL, is not seen;
 * what is called covered is covered for every request. The surprise: a deny goes by names where an allow goes by letters, so
 * that a deny may cover an allow of the same words, and is never itself asked to be covered by one.
 */
import type { ClaimMatch, HeaderMatch, HostMatch, PathMatch, RequestMatch, TokenMatch } from '../model/snapshot.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import { type Effect, pathMatcher } from './match-path.ts';
import type { Caller, Callers, Rule } from './port-policy.ts';
import { readPath } from './read-path.ts';

/** What of a rule decides whether it matches. */
export type Conditions = Pick<Rule, 'callers' | 'match' | 'token' | 'when' | 'notAfterMs'> & {
  readonly effect: Effect;
};

/** @param wide an allow only where `narrow` is one too: an allow asks for more than a deny of the same words. */
export function covers(wide: Conditions, narrow: Conditions): boolean {
  return (
    (wide.effect === 'deny' || narrow.effect === 'allow') &&
    coversCallers(wide.callers, narrow.callers) &&
    coversRequest(wide, narrow) &&
    coversToken(wide.token, narrow.token) &&
    (wide.when === undefined || wide.when === narrow.when) &&
    (wide.notAfterMs ?? Number.POSITIVE_INFINITY) >= (narrow.notAfterMs ?? Number.POSITIVE_INFINITY)
  );
}

function coversCallers(wide: Callers, narrow: Callers): boolean {
  if (wide === 'anyone') return true;
  return narrow !== 'anyone' && narrow.every((caller) => wide.some((each) => coversCaller(each, caller)));
}

function coversCaller(wide: Caller, narrow: Caller): boolean {
  if (wide.kind === 'identity') return narrow.kind === 'identity' && wide.spiffeId === narrow.spiffeId;
  return wide.tenant === (narrow.kind === 'tenant' ? narrow.tenant : tenantOf(narrow.spiffeId));
}

function tenantOf(spiffeId: string): string | undefined {
  const parsed = parseSpiffeId(spiffeId);
  return parsed.kind === 'ok' ? parsed.id.namespace : undefined;
}

function coversRequest({ match: wide, effect }: Conditions, { match: narrow }: Conditions) {
  return (
    coversAny(wide.methods, narrow.methods, (all, one) => all === one) &&
    coversAny(wide.paths, narrow.paths, (all, one) => coversPath(all, one, effect)) &&
    coversAny(wide.hosts ?? [], narrow.hosts ?? [], coversHost) &&
    coversHeaders(wide, narrow)
  );
}

/** Of lists of which one entry is enough, and none means any. */
function coversAny<Item>(
  wide: readonly Item[],
  narrow: readonly Item[],
  coversOne: (all: Item, one: Item) => boolean,
): boolean {
  if (wide.length === 0) return true;
  return narrow.length > 0 && narrow.every((one) => wide.some((all) => coversOne(all, one)));
}

/** The path of a rule has neither parameters nor percent signs, so that its letters are its names; a template has no empty segment. */
function coversPath(wide: PathMatch, narrow: PathMatch, effect: Effect): boolean {
  if (narrow.kind === 'exact') return pathMatcher(wide, effect)(readPath(narrow.path));
  const [all, one] = [readPath(wide.path).segments, readPath(narrow.path).segments];
  const beginsAlike = all.every((segment, index) => segment === one[index]);
  if (wide.kind === 'subtree') {
    // A hole of a template is no word that a subtree could begin with.
    return beginsAlike && !(narrow.kind === 'template' && one.slice(0, all.length).some(isHole));
  }
  if (wide.kind === 'exact' || narrow.kind === 'subtree' || all.length !== one.length) return false;
  return all.every((segment, index) => isHole(segment) || segment === one[index]);
}

function isHole(segment: string): boolean {
  return segment.startsWith('{');
}

/** A host that cannot be compared is matched by every deny that names hosts, and by no allow: so by the wide one wherever by the narrow. */
function coversHost(wide: HostMatch, narrow: HostMatch): boolean {
  if (wide.kind === 'exact') return narrow.kind === 'exact' && wide.host === narrow.host;
  if (narrow.kind === 'suffix') return narrow.suffix.endsWith(wide.suffix);
  return narrow.host.endsWith(wide.suffix) && narrow.host.length > wide.suffix.length;
}

function coversHeaders({ headers: wide = [] }: RequestMatch, { headers: narrow = [] }: RequestMatch) {
  return wide.every((all) => narrow.some((one) => all.name === one.name && coversHeader(all, one)));
}

/** A value in a rule has no blanks around it, so it is all one that a deny takes them off a request's. */
function coversHeader(wide: HeaderMatch, narrow: HeaderMatch): boolean {
  switch (wide.kind) {
    case 'present':
      return narrow.kind !== 'absent';
    case 'absent':
      return narrow.kind === 'absent';
    case 'exact':
      return narrow.kind === 'exact' && wide.value === narrow.value;
    case 'prefix': {
      const begins = narrow.kind === 'exact' ? narrow.value : narrow.kind === 'prefix' ? narrow.prefix : undefined;
      return begins?.startsWith(wide.prefix) === true;
    }
  }
}

/** A token that is not valid is matched by every deny that asks for one, and by no allow. */
function coversToken(wide: TokenMatch | undefined, narrow: TokenMatch | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  return (
    (wide.provider === undefined || wide.provider === narrow.provider) &&
    coversAny(wide.groups, narrow.groups, (all, one) => all === one) &&
    wide.claims.every((all) => narrow.claims.some((one) => coversClaim(all, one)))
  );
}

function coversClaim(wide: ClaimMatch, narrow: ClaimMatch): boolean {
  const isSamePath =
    wide.path.length === narrow.path.length && wide.path.every((name, index) => name === narrow.path[index]);
  return isSamePath && narrow.values.every((value) => wide.values.includes(value));
}
