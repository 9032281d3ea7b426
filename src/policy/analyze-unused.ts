/** What stands nowhere, or speaks of nobody: policies, rules and grants as they were written, beside what there is to protect. */
import type { Grant, Snapshot, Workload } from '../model/snapshot.ts';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';
import type { FindingCode, PolicyFinding } from './analyze-finding.ts';
import type { AnalyzedPort } from './analyze-port.ts';
import { grantName, namesPort, type WrittenRule, writtenRules } from './analyze-written.ts';
import { selects } from './compile.ts';
import { liveGrants, speaksOf } from './live-grants.ts';
import { isStatic, matchesEvery } from './port-policy.ts';

type Told = Pick<PolicyFinding, 'code' | 'level' | 'message' | 'advice'>;

export function unusedPolicies(snapshot: Snapshot): PolicyFinding[] {
  const workloads = [...snapshot.workloads.values()];
  return [...snapshot.policies.values()].flatMap((policy) => {
    const about = { subject: `access-policy/${policy.key}`, where: policy.where };
    const selected = workloads.filter((workload) => selects(policy, workload));
    if (selected.length === 0) {
      const message = `no workload of \`${policy.tenant}\` carries the labels that the policy selects`;
      return [
        finding(about, warning('selects-nothing', message, 'compare `spec.selector` with the labels of the pods')),
      ];
    }
    if (policy.enforcement === 'Enforce') return [];
    const bare = selected.filter((workload) => !isProtected(snapshot, workload));
    const message =
      bare.length === 0
        ? 'the policy is under audit: it refuses nobody'
        : `the policy is under audit and refuses nobody, and nothing else protects ${listed(bare.map(({ key }) => key))}`;
    const advice = 'see `coffre events` for what it would refuse, then write `enforcement: Enforce`';
    return [
      finding(about, { ...warning('under-audit', message, advice), level: bare.length === 0 ? 'note' : 'warning' }),
    ];
  });
}

function isProtected({ policies }: Snapshot, workload: Workload): boolean {
  return [...policies.values()].some((policy) => policy.enforcement === 'Enforce' && selects(policy, workload));
}

export function unusedRules(snapshot: Snapshot, ports: readonly AnalyzedPort[], nowMs: number): PolicyFinding[] {
  const identities = new Set([...snapshot.workloads.values()].map(({ spiffeId }) => spiffeId));
  const running = new Set([...snapshot.workloads.values()].map(({ tenant }) => tenant));
  return writtenRules(snapshot).flatMap((written) => {
    const about = { subject: written.name, where: written.rule.where };
    const { tenants, spiffeIds } = written.rule.callers;
    const absent = [
      ...tenants.filter((each) => !running.has(each)),
      ...spiffeIds.filter((each) => !identities.has(each)),
    ];
    const told = [
      ...portsOf(written, ports),
      ...(absent.length === 0 ? [] : [absentCallers(absent, tenants.length + spiffeIds.length)]),
      ...walledCallers(snapshot, written, nowMs),
    ];
    return told.map((each) => finding(about, each));
  });
}

function portsOf({ policy, rule, effect }: WrittenRule, ports: readonly AnalyzedPort[]): Told[] {
  const selected = ports.filter(({ policies }) => policies.includes(policy));
  const heard = new Set(selected.map(({ port }) => port));
  const unheard = rule.ports.filter((port) => !heard.has(port));
  // A policy that selects nothing is told as one.
  if (unheard.length > 0 && selected.length > 0) {
    const declared = [...heard].sort((left, right) => left - right).map(String);
    const message = `no workload that the policy selects is declared to listen on ${listed(unheard.map(String))}`;
    return [
      warning(
        'unheard-port',
        message,
        `write ports of the workload, not of the service: they listen on ${listed(declared)}`,
      ),
    ];
  }
  const standing = selected.filter(({ port }) => namesPort(rule, port));
  const asksRequests = !matchesEvery(rule.match) || !isStatic(rule);
  if (effect === 'deny' || standing.length === 0 || !asksRequests || !standing.every(({ opaque }) => opaque)) return [];
  const message = 'the rule asks about requests, and all its ports are opaque TCP, which show none: it allows nothing';
  return [warning('opaque-port', message, 'name callers only, or declare the protocol of the service port')];
}

function absentCallers(absent: readonly string[], all: number): Told {
  const whole = absent.length === all ? ', so the rule matches nobody' : '';
  const message = `no workload runs as ${listed(absent)}${whole}`;
  const advice = 'check the names; where the workloads are still to come, leave it';
  return { ...warning('absent-callers', message, advice), level: whole === '' ? 'note' : 'warning' };
}

function walledCallers(snapshot: Snapshot, { effect, policy, rule }: WrittenRule, nowMs: number): Told[] {
  const { mesh, tenants } = snapshot;
  const { callers } = rule;
  const named = new Set(
    [...tenants.keys()].filter((tenant) => {
      const prefix = spiffeIdPrefix(mesh.trustDomain, tenant);
      return callers.tenants.includes(tenant) || callers.spiffeIds.some((spiffeId) => spiffeId.startsWith(prefix));
    }),
  );
  named.delete(policy.tenant);
  const granted = new Set(
    liveGrants(snapshot, nowMs)
      .filter((grant) => grant.tenant === policy.tenant)
      .map(({ from }) => from.tenant),
  );
  const walled = [...named].filter((tenant) => !granted.has(tenant));
  if (effect === 'deny') {
    if (walled.length === 0) return [];
    const message = `no grant leads from ${listed(walled)} to \`${policy.tenant}\`, so there is nobody to refuse`;
    return [{ ...warning('walled-callers', message, 'leave it as a second lock, or remove it'), level: 'note' }];
  }
  if (named.size === 0) return [];
  const message = `an allow rule does not open the wall to ${listed([...named])}${walled.length === 0 ? '; the grants that lead here do without it' : `, and no grant leads from ${listed(walled)}`}`;
  const advice = walled.length === 0 ? 'remove these callers' : 'write a `Grant`, or remove these callers';
  return [warning('walled-callers', message, advice)];
}

export function unusedGrants(snapshot: Snapshot, ports: readonly AnalyzedPort[], nowMs: number): PolicyFinding[] {
  const workloads = [...snapshot.workloads.values()];
  const standing = new Set(ports.flatMap(({ enforced }) => [...enforced.rules.keys()]));
  return liveGrants(snapshot, nowMs).flatMap((grant) => {
    const about = { subject: grantName(grant), where: grant.where };
    const told = [
      ...(workloads.some((workload) => speaksOf(snapshot, grant, workload))
        ? []
        : [
            warning(
              'absent-callers',
              `no workload of \`${grant.from.tenant}\` runs as the grant asks`,
              'check `spec.from`',
            ),
          ]),
      ...(standing.has(about.subject) ? [] : [leadsNowhere(grant)]),
    ];
    return told.map((each) => finding(about, each));
  });
}

function leadsNowhere({ to }: Grant): Told {
  const message = `no workload stands behind \`${to.service}\` on the ports that the grant names`;
  return warning('leads-nowhere', message, 'check the selector of the service, or withdraw the grant');
}

function warning(code: FindingCode, message: string, advice: string): Told {
  return { code, level: 'warning', message, advice };
}

function finding(about: Pick<PolicyFinding, 'subject' | 'where'>, told: Told): PolicyFinding {
  return { ...told, ...about, related: [], removable: false };
}

/** Most names in one sentence. */
const namesMax = 8;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, namesMax).map((name) => `\`${name}\``);
  return `${shown.join(', ')}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ''}`;
}
