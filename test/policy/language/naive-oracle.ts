/**
 * The language of access policies, said a second time: straight from docs/access-policy.md and docs/quarantine.md, on what
 * authors write and operators ask, with nothing of src. Slow and dumb on purpose; where it disagrees with the evaluator, one of the two misread the page.
 */
import {
  type Asked,
  conditions,
  type Drawn,
  type HeaderSketch,
  longAgo,
  ownAccount,
  owner,
  type PolicySketch,
  port,
  type RuleSketch,
  spiffeId,
} from './drawn.ts';

export type Verdict = 'allow' | 'deny';
type Effect = 'allow' | 'deny';

export interface Expected {
  readonly verdict: Verdict;
  /** What it would be if policies under audit were enforced. */
  readonly audited: Verdict;
  /** What a proxy says that knows neither tokens nor conditions: never a deny where `verdict` is allow. */
  readonly proxy: Verdict;
  /** Whether it is refused before any rule is asked, and told as such. */
  readonly quarantined: boolean;
}

export function expected(drawn: Drawn, asked: Asked): Expected {
  const enforced = drawn.policies.filter(({ enforcement }) => enforcement !== 'Audit');
  return {
    verdict: judge(drawn, enforced, asked, false),
    audited: judge(drawn, drawn.policies, asked, false),
    proxy: judge(drawn, enforced, asked, true),
    quarantined:
      isCutOff(drawn, owner, ownAccount) || (mayKnock(drawn, asked) && isCutOff(drawn, asked.tenant, asked.account)),
  };
}

/** No moment ends it: that is for a control plane. */
function isCutOff({ cutOff = [] }: Drawn, tenant: string, account: string): boolean {
  return cutOff.some((each) => each.tenant === tenant && each.account === account);
}

/** Of any other tenant the port says that there is a wall, and not who behind it is cut off. */
function mayKnock({ grants }: Drawn, { tenant }: Asked): boolean {
  return tenant === owner || (tenant === 'bastion' && grants.length > 0);
}

function judge(drawn: Drawn, policies: readonly PolicySketch[], asked: Asked, isProxy: boolean): Verdict {
  if (isCutOff(drawn, owner, ownAccount) || isCutOff(drawn, asked.tenant, asked.account)) return 'deny';
  if (!isClean(asked.path) || asked.host === undefined) return 'deny';
  if (policies.some(({ broken }) => broken === true)) return 'deny';
  const onPort = ({ to }: RuleSketch) => to?.ports === undefined || to.ports.includes(port);
  const denying = policies.flatMap(({ deny = [] }) => deny).filter(onPort);
  const allowing = policies.flatMap(({ allow = [] }) => allow).filter(onPort);
  const needsWorker = ({ token, when }: RuleSketch) => token !== undefined || when !== undefined;
  for (const rule of denying) {
    if (isProxy && needsWorker(rule)) continue;
    if (matches(rule, 'deny', asked, isProxy)) return 'deny';
  }
  if (asked.tenant !== owner) {
    const granted = drawn.grants.some(
      ({ accounts, ended, ...rule }) =>
        asked.tenant === 'bastion' &&
        !ended &&
        (accounts === undefined || accounts.includes(asked.account)) &&
        matches(rule, 'allow', asked, isProxy),
    );
    return granted ? 'allow' : 'deny';
  }
  if (allowing.length === 0) return drawn.defaultAccess === 'none' ? 'deny' : 'allow';
  return allowing.some((rule) => matches(rule, 'allow', asked, isProxy)) ? 'allow' : 'deny';
}

function matches(rule: RuleSketch, effect: Effect, asked: Asked, isProxy: boolean): boolean {
  const { from, to = {} } = rule;
  if (rule.notAfter === longAgo) return false;
  const isCaller =
    from === undefined ||
    from.tenants?.includes(asked.tenant) === true ||
    (asked.tenant === owner && from.serviceAccounts?.includes(asked.account) === true) ||
    from.principals?.includes(spiffeId(asked.tenant, asked.account)) === true;
  if (!isCaller) return false;
  if (to.methods !== undefined && !to.methods.includes(asked.method)) return false;
  if (to.paths !== undefined && !to.paths.some((path) => pathMatches(path, effect, asked.path))) return false;
  if (to.hosts !== undefined) {
    const { host } = asked;
    if (!to.hosts.some((each) => (each.startsWith('*.') ? host?.endsWith(each.slice(1)) : host === each))) return false;
  }
  if (!(to.headers ?? []).every((header) => headerMatches(header, effect, asked))) return false;
  return isProxy || (tokenMatches(rule, effect, asked) && conditionHolds(rule, effect, asked));
}

function isClean(path: string): boolean {
  if (!path.startsWith('/')) return false;
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return false;
  const names = path
    .slice(1)
    .split('/')
    .map((segment) => segment.split(/;|%3b/i)[0]);
  return !names.some((name, index) => name === '.' || name === '..' || (name === '' && index < names.length - 1));
}

function pathMatches(wanted: string, effect: Effect, path: string): boolean {
  if (wanted === '/*') return true;
  const plain = (segment: string) => decodeURIComponent(segment.split(/;|%3b/i)[0] ?? '');
  const letters = path.split('/').slice(1);
  const names = letters.map(plain);
  const found = effect === 'allow' ? letters : names;
  const isSubtree = wanted.endsWith('/*');
  const parts = (isSubtree ? wanted.slice(0, -2) : wanted).split('/').slice(1);
  if (isSubtree ? found.length < parts.length : found.length !== parts.length) return false;
  return parts.every((part, index) => (part.startsWith('{') ? names[index] !== '' : found[index] === part));
}

function headerMatches({ name, exact, prefix, present }: HeaderSketch, effect: Effect, { headers }: Asked): boolean {
  const lines = headers.filter(([each]) => each === name).map(([, value]) => value);
  if (present !== undefined) return present === lines.length > 0;
  const says = (value: string) => (exact === undefined ? value.startsWith(prefix ?? '') : value === exact);
  const values = lines.join(',').split(',');
  if (lines.length === 0) return false;
  if (effect === 'deny') return values.some((value) => says(value.trim()));
  return values.length === 1 && says(values[0] ?? '');
}

function tokenMatches({ token: wanted }: RuleSketch, effect: Effect, { token }: Asked): boolean {
  if (wanted === undefined) return true;
  if (token.kind === 'none') return false;
  if (token.kind === 'invalid') return effect === 'deny';
  const { untold } = token;
  const orUnknown = (isTold: boolean, holds: boolean) => (isTold ? holds : effect === 'deny');
  if (wanted.provider !== undefined && wanted.provider !== token.provider) return false;
  if (wanted.groups !== undefined) {
    if (
      !orUnknown(
        untold?.groups !== true,
        wanted.groups.some((group) => token.groups.includes(group)),
      )
    )
      return false;
  }
  return (wanted.claims ?? []).every(({ path, values }) => {
    if (untold?.claims.includes(path[0] ?? '') === true) return orUnknown(false, false);
    const found = path.reduce<unknown>(
      (value, name) => (value as Record<string, unknown> | undefined)?.[name],
      token.claims,
    );
    return [found].flat().some((each) => each !== undefined && values.includes(`${each}`));
  });
}

function conditionHolds({ when }: RuleSketch, effect: Effect, asked: Asked): boolean {
  if (when === undefined) return true;
  const result = conditions[when]?.(asked);
  return result === 'error' ? effect === 'deny' : result === true;
}
