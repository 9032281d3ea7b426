/**
 * What would have let one refused request through: the least that its destination's owner could write.
 *
 *   tenant wall ──▶ a Grant in the destination's namespace          own tenant ──▶ an AccessPolicy there
 *
 * Least means one new rule that speaks of this caller, this port and this request, in everything that the question states
 * and in everything that rules of the port ask about (see `exact-rule.ts`): applied, it lets in nothing else that was
 * refused before. What it lets in beside, because the language has no words for less, it says.
 * What a text cannot mend (a deny rule, a sealed service, another environment, a quarantine) is told as such, with what
 * would mend it and who can: no text of ours loosens what an author refused.
 */
import type { Snapshot } from '../model/snapshot.ts';
import { formatSourceRef, type SourceRef } from '../model/source-ref.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import type { ConsideredPort } from './considered.ts';
import { type AccessRequest, type DenyReason, decide } from './decide.ts';
import { type ExactRule, exactRule, type Stated } from './exact-rule.ts';
import type { Rule } from './port-policy.ts';
import { selectedBeside } from './selected-beside.ts';
import type { InboundPort } from './view.ts';

export type Cure =
  /** To be written by the owner of the namespace it names. */
  | {
      readonly kind: 'write';
      readonly owner: string;
      readonly yaml: string;
      /** What it would not mend, or would change beside. */
      readonly caution?: string;
      /** What it lets in beside the request, as no rule can say less. */
      readonly wider?: string;
      /** The deny rule that would refuse the request all the same; `caution` says so. */
      readonly refusedBy?: SourceRef;
    }
  /** Something that stands there must be changed first, by the owner of the namespace it stands in. */
  | { readonly kind: 'change'; readonly owner: string; readonly where: SourceRef; readonly advice: string }
  /** No text of the destination's owner helps: why, and what would help and who can do it. */
  | { readonly kind: 'none'; readonly why: string; readonly instead: string };

interface Wanted {
  readonly request: AccessRequest;
  /** Absent: a connection, of which no request is known. */
  readonly stated: Stated | undefined;
  readonly nowMs: number;
}

/** @param stated what of the request is known, and not assumed. */
export function cureFor(snapshot: Snapshot, target: ConsideredPort, wanted: Wanted, reason: DenyReason): Cure {
  const { workload } = target;
  const caller = parseSpiffeId(wanted.request.principal);
  if (reason.kind === 'no-identity' || caller.kind === 'refused') {
    return {
      kind: 'none',
      why: 'a caller without an identity of this mesh is nobody, and nobody can be let in',
      instead: `let it run as a Pod in the namespace of a Tenant of \`${snapshot.mesh.trustDomain}\`, with a sidecar: whoever deploys it can`,
    };
  }
  switch (reason.kind) {
    case 'quarantined': {
      const { spiffeId } = reason.quarantine;
      return {
        kind: 'none',
        why: 'no rule opens a quarantine',
        instead: `once its cause is gone, an operator can run \`coffre quarantine ${spiffeId} --release\``,
      };
    }
    case 'unclean-path':
      return {
        kind: 'none',
        why: 'no rule speaks of a path that can be read in two ways',
        instead:
          'let the caller ask for it in its plain form, without dot segments, doubled slashes and encoded separators',
      };
    case 'bad-host':
      return {
        kind: 'none',
        why: 'no rule speaks of a request without exactly one host',
        instead: 'let the caller name the one it means',
      };
    case 'token-missing':
    case 'token-invalid':
      return {
        kind: 'none',
        why: `\`${reason.rule.name}\` would allow it, so another rule would only do without its token`,
        instead: `let the caller bring a valid token, from ${providersText(reason.rule, target)}`,
      };
    case 'token-untold':
      return {
        kind: 'none',
        why: `whether \`${reason.rule.name}\` would allow it nobody can know: ${reason.why}`,
        instead: 'whoever runs the provider can let the token tell it',
      };
    case 'deny-rule':
      return changeDeny(reason.rule, workload.tenant);
    default: {
      const { namespace, serviceAccount } = caller.id;
      if (namespace === workload.tenant) return writePolicy(snapshot, target, wanted, serviceAccount);
      return writeGrant(snapshot, target, wanted, { tenant: namespace, serviceAccount });
    }
  }
}

function providersText({ token }: Rule, { inbound }: ConsideredPort): string {
  const { identityProviders = [] } = inbound.policy;
  const known = identityProviders.filter(({ name }) => token?.provider === undefined || name === token.provider);
  const names = known.map(({ name, issuer }) => `\`${name}\` (${issuer})`);
  return names.length === 0 ? 'a provider that the destination’s tenant names' : names.join(' or ');
}

function changeDeny({ name, where }: Rule, owner: string): Cure {
  const advice = name.endsWith('/broken')
    ? 'the policy could not be understood, so it denies its whole scope: mend it'
    : 'a deny wins over every allow and every grant: remove the rule, or narrow what it speaks of';
  return { kind: 'change', owner, where, advice };
}

function writeGrant(
  snapshot: Snapshot,
  target: ConsideredPort,
  wanted: Wanted,
  from: { readonly tenant: string; readonly serviceAccount: string },
): Cure {
  const { workload, inbound, service, servicePort } = target;
  const [caller, owner] = [snapshot.tenants.get(from.tenant), snapshot.tenants.get(workload.tenant)];
  if (caller === undefined) {
    return {
      kind: 'none',
      why: `\`${from.tenant}\` is no tenant of this mesh`,
      instead: `whoever runs the mesh can write a \`Tenant\` named \`${from.tenant}\``,
    };
  }
  if (caller.environment !== owner?.environment) {
    return {
      kind: 'none',
      why: `tenants of different environments never meet: \`${from.tenant}\` is ${caller.environment}`,
      instead: `call from a tenant that is ${owner?.environment ?? 'of the same environment'}; whoever runs the mesh can move one`,
    };
  }
  if (service.sealed) {
    return {
      kind: 'none',
      why: `\`${service.key}\` is sealed by its tenant: no grant may open it`,
      instead: `the owner of \`${workload.tenant}\` can grant a service in front of it, or lift the seal in \`sealedServices\``,
    };
  }
  const name = freeName(`${from.tenant}-${from.serviceAccount}-to-${service.name}`, workload.tenant, snapshot.grants);
  const denying = deniedAllTheSame(inbound, wanted);
  const rule = exactRule(wanted.request, wanted.stated ?? {}, inbound.policy);
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
      ...rule.to.map((line) => `    ${line}`),
      ...whenLine(rule, '  '),
      `  reason: ${JSON.stringify(`asked for by ${from.tenant}: say what for`)}`,
      '',
    ].join('\n'),
    ...widerText(rule, wanted, []),
    ...(denying === undefined
      ? {}
      : {
          caution: `\`${denying.name}\` (${formatSourceRef(denying.where)}) would refuse it all the same`,
          refusedBy: denying.where,
        }),
  };
}

function writePolicy(snapshot: Snapshot, target: ConsideredPort, wanted: Wanted, serviceAccount: string): Cure {
  const { workload, inbound, service } = target;
  const labels = [...workload.labels].map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const name = freeName(`${serviceAccount}-to-${service.name}`, workload.tenant, snapshot.policies);
  const beside = selectedBeside(snapshot, target);
  const closed = beside.filter(({ open }) => open).map(({ key }) => key);
  const rule = exactRule(wanted.request, wanted.stated ?? {}, inbound.policy);
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
      ...rule.to.map((line) => `        ${line}`),
      ...whenLine(rule, '      '),
      '',
    ].join('\n'),
    ...widerText(
      rule,
      wanted,
      beside.filter(({ open }) => !open).map(({ key }) => key),
    ),
    ...(closed.length === 0
      ? {}
      : {
          caution: `it selects \`${closed.join('`, `')}\` too, and an allow rule there ends what the tenant's default let in`,
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

function whenLine({ when }: ExactRule, indent: string): readonly string[] {
  return when === undefined ? [] : [`${indent}when: ${JSON.stringify(when)}`];
}

/** @param opened other workloads that the rule would open to the request. */
function widerText(
  { unsaid }: ExactRule,
  { request, stated }: Wanted,
  opened: readonly string[],
): { readonly wider?: string } {
  const parts = [
    ...(request.kind === 'http' && stated === undefined
      ? [
          `no request is known of it, so it names \`${request.method} ${request.path}\` at any host: ask again with the request that is meant`,
        ]
      : []),
    ...(unsaid.length === 0
      ? []
      : [`no rule can say ${unsaid.join(' and ')}, so it lets the request in whatever that is`]),
    ...(opened.length === 0 ? [] : [`its labels select \`${opened.join('`, `')}\` too, and let the request in there`]),
  ];
  return parts.length === 0 ? {} : { wider: parts.join('; ') };
}

function freeName(wanted: string, namespace: string, taken: ReadonlyMap<string, unknown>): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.has(`${namespace}/${name}`)) return name;
  }
}

/** The deny rule that would still stand if the wall did not. */
function deniedAllTheSame({ policy }: InboundPort, { request, nowMs }: Wanted): Rule | undefined {
  const open: Rule = {
    name: 'open',
    callers: 'anyone',
    match: { methods: [], paths: [] },
    where: { file: '', line: 1 },
  };
  const decision = decide({ ...policy, allow: [open] }, request, nowMs);
  return decision.kind === 'deny' && decision.reason.kind === 'deny-rule' ? decision.reason.rule : undefined;
}
