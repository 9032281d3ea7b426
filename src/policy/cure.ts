/**
 * What would have let one refused request through: the least that its destination's owner could write.
 *
 *   tenant wall ──▶ a Grant in the destination's namespace          own tenant ──▶ an AccessPolicy there
 *
 * Least means this caller, this service port, this method and this path, and nothing beside. What a text cannot mend
 * (a deny rule, a sealed service, another environment) is told as such: no text of ours loosens what an author refused.
 */
import { Value } from 'typebox/value';
import { paths as pathsSchema } from '../model/kinds/fields.ts';
import type { Service, ServicePort, Snapshot, Workload } from '../model/snapshot.ts';
import { formatSourceRef, type SourceRef } from '../model/source-ref.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import { type AccessRequest, type DenyReason, decide } from './decide.ts';
import type { Rule } from './port-policy.ts';
import { type InboundPort, viewOf } from './view.ts';

export type Cure =
  /** To be written by the owner of the namespace it names. */
  | {
      readonly kind: 'write';
      readonly owner: string;
      readonly yaml: string;
      /** What it would not mend, or would change beside. */
      readonly caution?: string;
      /** The deny rule that would refuse the request all the same; `caution` says so. */
      readonly refusedBy?: SourceRef;
    }
  /** Something that stands there must be changed first. */
  | { readonly kind: 'change'; readonly where: SourceRef; readonly advice: string }
  | { readonly kind: 'none'; readonly why: string };

export interface CureTarget {
  readonly workload: Workload;
  readonly inbound: InboundPort;
  readonly service: Service;
  readonly servicePort: ServicePort;
}

export function cureFor(
  snapshot: Snapshot,
  target: CureTarget,
  request: AccessRequest,
  reason: DenyReason,
  nowMs: number,
): Cure {
  const caller = parseSpiffeId(request.principal);
  if (reason.kind === 'no-identity' || caller.kind === 'refused') {
    return { kind: 'none', why: 'a caller without an identity of this mesh is nobody, and nobody can be let in' };
  }
  if (reason.kind === 'unclean-path') {
    return { kind: 'none', why: 'no rule speaks of a path that can be read in two ways: ask for it in its plain form' };
  }
  if (reason.kind === 'bad-host') {
    return {
      kind: 'none',
      why: 'no rule speaks of a request without exactly one host: let the caller name the one it means',
    };
  }
  if (reason.kind === 'token-missing' || reason.kind === 'token-invalid') {
    const why = `\`${reason.rule.name}\` would allow it: what is wanted is a valid token, not another rule`;
    return { kind: 'none', why };
  }
  if (reason.kind === 'token-untold') {
    return { kind: 'none', why: `whether \`${reason.rule.name}\` would allow it nobody can know: ${reason.why}` };
  }
  const { namespace, serviceAccount } = caller.id;
  if (reason.kind === 'deny-rule') return changeDeny(reason.rule);
  if (namespace === target.workload.tenant) return writePolicy(snapshot, target, request, serviceAccount);
  return writeGrant(snapshot, target, request, { tenant: namespace, serviceAccount }, nowMs);
}

function changeDeny({ name, where }: Rule): Cure {
  const advice = name.endsWith('/broken')
    ? 'the policy could not be understood, so it denies its whole scope: mend it'
    : 'a deny wins over every allow and every grant: remove the rule, or narrow what it speaks of';
  return { kind: 'change', where, advice };
}

function writeGrant(
  snapshot: Snapshot,
  { workload, inbound, service, servicePort }: CureTarget,
  request: AccessRequest,
  from: { readonly tenant: string; readonly serviceAccount: string },
  nowMs: number,
): Cure {
  const [caller, owner] = [snapshot.tenants.get(from.tenant), snapshot.tenants.get(workload.tenant)];
  if (caller === undefined) return { kind: 'none', why: `\`${from.tenant}\` is no tenant of this mesh` };
  if (caller.environment !== owner?.environment) {
    return {
      kind: 'none',
      why: `tenants of different environments never meet: \`${from.tenant}\` is ${caller.environment}`,
    };
  }
  if (service.sealed) return { kind: 'none', why: `\`${service.key}\` is sealed by its tenant: no grant may open it` };
  const name = freeName(`${from.tenant}-${from.serviceAccount}-to-${service.name}`, workload.tenant, snapshot.grants);
  const denying = deniedAllTheSame(inbound, request, nowMs);
  return {
    kind: 'write',
    owner: workload.tenant,
    yaml: [
      ...head('Grant', name, workload.tenant),
      '  from:',
      `    tenant: ${from.tenant}`,
      `    serviceAccounts: [${from.serviceAccount}]`,
      '  to:',
      `    service: ${service.name}`,
      `    ports: [${servicePort.port}]`,
      ...requestLines(request, '    '),
      `  reason: ${JSON.stringify(`asked for by ${from.tenant}: say what for`)}`,
      '',
    ].join('\n'),
    ...(denying === undefined
      ? {}
      : {
          caution: `\`${denying.name}\` (${formatSourceRef(denying.where)}) would refuse it all the same`,
          refusedBy: denying.where,
        }),
  };
}

function writePolicy(snapshot: Snapshot, target: CureTarget, request: AccessRequest, serviceAccount: string): Cure {
  const { workload, inbound, service } = target;
  const labels = [...workload.labels].map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const name = freeName(`${serviceAccount}-to-${service.name}`, workload.tenant, snapshot.policies);
  const others = closedBeside(snapshot, target);
  return {
    kind: 'write',
    owner: workload.tenant,
    yaml: [
      ...head('AccessPolicy', name, workload.tenant),
      ...(labels.length === 0 ? [] : ['  selector:', `    matchLabels: { ${labels.join(', ')} }`]),
      '  allow:',
      '    - from:',
      `        serviceAccounts: [${serviceAccount}]`,
      '      to:',
      `        ports: [${inbound.port}]`,
      ...requestLines(request, '        '),
      '',
    ].join('\n'),
    ...(others.length === 0
      ? {}
      : {
          caution: `it selects \`${others.join('`, `')}\` too, and an allow rule there ends what the tenant's default let in`,
        }),
  };
}

function head(kind: string, name: string, namespace: string): readonly string[] {
  return [
    'apiVersion: coffre.dev/v1alpha1',
    `kind: ${kind}`,
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    'spec:',
  ];
}

/** Nothing on an opaque port, where a rule with methods or paths would match nothing. */
function requestLines(request: AccessRequest, indent: string): readonly string[] {
  if (request.kind === 'tcp') return [];
  const path = writablePath(request.path);
  return [
    `${indent}methods: [${JSON.stringify(request.method)}]`,
    ...(path === undefined ? [] : [`${indent}paths: [${JSON.stringify(path)}]`]),
  ];
}

/** A rule cannot name every path there is: where it cannot, the nearest folder above is the least that can be said. */
function writablePath(path: string): string | undefined {
  const segments = path.split('/');
  const folders = segments.map((_, index) => `${segments.slice(0, -1 - index).join('/')}/*`);
  return [path, ...folders].find((each) => !each.includes('{') && Value.Check(pathsSchema.items, each));
}

function freeName(wanted: string, namespace: string, taken: ReadonlyMap<string, unknown>): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.has(`${namespace}/${name}`)) return name;
  }
}

/** The deny rule that would still stand if the wall did not. */
function deniedAllTheSame({ policy }: InboundPort, request: AccessRequest, nowMs: number): Rule | undefined {
  const open: Rule = {
    name: 'open',
    callers: 'anyone',
    match: { methods: [], paths: [] },
    where: { file: '', line: 1 },
  };
  const decision = decide({ ...policy, allow: [open] }, request, nowMs);
  return decision.kind === 'deny' && decision.reason.kind === 'deny-rule' ? decision.reason.rule : undefined;
}

/** Workloads with the same labels whose port is open by the tenant's default, which one allow rule ends. */
function closedBeside(snapshot: Snapshot, { workload, inbound }: CureTarget): readonly string[] {
  return [...snapshot.workloads.values()]
    .filter((other) => other.key !== workload.key && other.tenant === workload.tenant)
    .filter((other) => [...workload.labels].every(([label, value]) => other.labels.get(label) === value))
    .filter((other) => {
      const port = viewOf(snapshot, other, 0).inbound.find((each) => each.port === inbound.port);
      return port?.policy.allow.some(({ name }) => name.startsWith('tenant/')) === true;
    })
    .map(({ key }) => key);
}
