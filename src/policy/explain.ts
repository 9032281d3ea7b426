/**
 * Why one request is let through or refused, and what its author could write about it.
 *
 *   question ──▶ the workloads behind the service ──decide──▶ verdict, deciding rule, every rule with its first miss ──▶ cure
 *
 * Nothing is judged here: each rule is put to the judge that `decide` puts it to, so that an explanation cannot disagree
 * with a verdict. The surprise: policies are compiled as of the beginning of time, so that a grant that
 * has ended is told as one that has ended, not as a wall.
 */
import type { Endpoint, Service, Snapshot } from '../model/snapshot.ts';
import { formatSourceRef, type SourceRef } from '../model/source-ref.ts';
import { formatSpiffeId, parseSpiffeId } from '../model/spiffe-id.ts';
import type { HttpAccess } from './access-request.ts';
import { type ConsideredPort, type ConsideredRule, considerAll } from './considered.ts';
import { type Cure, cureFor } from './cure.ts';
import { type AccessRequest, type Decision, decide } from './decide.ts';
import { tellReason } from './tell-reason.ts';
import { viewOf } from './view.ts';

export interface Question {
  /** SPIFFE ID, or `tenant/service-account`. */
  readonly from: string;
  readonly to: Destination;
  /** Absent: a bare connection. */
  readonly request?: Omit<HttpAccess, 'kind' | 'principal'>;
}

export type Destination =
  /** `tenant/service`; without a port, the only one it has. */
  | { readonly kind: 'service'; readonly service: string; readonly port?: number }
  /** Where a connection arrived, at a workload and a port of its application, or what was dialled, as of a service. */
  | { readonly kind: 'address'; readonly address: string; readonly port: number };

export type Explanation =
  | {
      readonly kind: 'judged';
      readonly revision: string;
      /** SPIFFE ID. */
      readonly principal: string;
      /** `tenant/service:port` where a service was asked for, else `address:port`. */
      readonly destination: string;
      /** `allow` where every workload behind the destination allows, `mixed` where they differ. */
      readonly verdict: 'allow' | 'deny' | 'mixed';
      /** One for each workload, sorted; never empty. */
      readonly judgements: readonly Judgement[];
    }
  /** There is nobody to ask. */
  | { readonly kind: 'no-such-destination'; readonly message: string; readonly advice: string };

export interface Judgement {
  readonly workload: string;
  /** Port of the application. */
  readonly port: number;
  readonly verdict: Decision['kind'];
  /** `allow-rule`, or the code of the refusal. */
  readonly reason: 'allow-rule' | ReturnType<typeof tellReason>['code'];
  readonly sentence: string;
  /** Where the deciding rule was written, if one decided. */
  readonly where?: SourceRef;
  readonly considered: readonly ConsideredRule[];
  /** Absent where the request is allowed. */
  readonly cure?: Cure;
}

/** @param snapshot built without a clock, so that it still holds grants that have ended. @param nowMs epoch ms to judge at. */
export function explain(snapshot: Snapshot, question: Question, nowMs: number): Explanation {
  const found = resolve(snapshot, question.to);
  if (found.kind === 'no-such-destination') return found;
  const principal = principalOf(question.from, snapshot.mesh.trustDomain);
  const judgements = found.targets.map((target) => judge(snapshot, target, principal, question, nowMs));
  const [first] = judgements;
  const verdicts = new Set(judgements.map(({ verdict }) => verdict));
  if (first === undefined) return nothingListens(found.destination);
  return {
    kind: 'judged',
    revision: snapshot.revision,
    principal,
    destination: found.destination,
    verdict: verdicts.size > 1 ? 'mixed' : first.verdict,
    judgements,
  };
}

/** `shop/cart` becomes the SPIFFE ID of that service account; anything else is taken as it is, and judged as what it is. */
function principalOf(from: string, trustDomain: string): string {
  const [namespace = '', serviceAccount = '', more] = from.split('/');
  const id = formatSpiffeId({ trustDomain, namespace, serviceAccount });
  return more === undefined && parseSpiffeId(id).kind === 'ok' ? id : from;
}

type Resolution =
  | { readonly kind: 'found'; readonly destination: string; readonly targets: readonly ConsideredPort[] }
  | Extract<Explanation, { kind: 'no-such-destination' }>;

function resolve(snapshot: Snapshot, to: Destination): Resolution {
  if (to.kind === 'address') {
    const targets = targetsOf(snapshot, ({ workload, port }) => {
      const addresses = snapshot.workloads.get(workload)?.addresses ?? [];
      return port === to.port && addresses.includes(to.address);
    });
    const service = targets.length === 0 ? serviceAt(snapshot, to.address, to.port) : undefined;
    if (service !== undefined) return resolve(snapshot, { kind: 'service', service: service.key, port: to.port });
    return { kind: 'found', destination: `${to.address}:${to.port}`, targets: targets.slice(0, 1) };
  }
  const service = snapshot.services.get(to.service);
  if (service === undefined) {
    const known = [...snapshot.services.keys()].filter((key) => key.split('/')[0] === to.service.split('/')[0]);
    const advice = known.length === 0 ? 'write it as `tenant/service`' : `its tenant has ${listed(known)}`;
    return refused(`there is no service \`${to.service}\` in this mesh`, advice);
  }
  const ports = service.ports.map(({ port }) => String(port));
  const [only, ...others] = service.ports;
  const wanted = to.port ?? (others.length === 0 ? only?.port : undefined);
  if (wanted === undefined) {
    return refused(
      `\`${to.service}\` has ${ports.length} ports`,
      `name one: \`${to.service}:PORT\`, of ${listed(ports)}`,
    );
  }
  if (!service.ports.some(({ port }) => port === wanted)) {
    return refused(`\`${to.service}\` has no port ${wanted}`, `it has ${listed(ports)}`);
  }
  const targets = targetsOf(snapshot, (_, key, port) => key === to.service && port === wanted);
  return { kind: 'found', destination: `${to.service}:${wanted}`, targets };
}

/** @returns undefined where several tenants claim it: whichever was named, it might be the wrong one. */
function serviceAt({ services }: Snapshot, address: string, port: number): Service | undefined {
  const [service, ...others] = [...services.values()].filter(
    ({ virtualIps, ports }) => virtualIps.includes(address) && ports.some((each) => each.port === port),
  );
  return others.length === 0 ? service : undefined;
}

function targetsOf(
  snapshot: Snapshot,
  wanted: (endpoint: Endpoint, service: string, port: number) => boolean,
): readonly ConsideredPort[] {
  return [...snapshot.services.values()].flatMap((service) =>
    service.ports.flatMap((servicePort) =>
      servicePort.endpoints.flatMap((endpoint) => {
        const workload = snapshot.workloads.get(endpoint.workload);
        if (workload === undefined || !wanted(endpoint, service.key, servicePort.port)) return [];
        const inbound = viewOf(snapshot, workload, 0).inbound.find(({ port }) => port === endpoint.port);
        return inbound === undefined ? [] : [{ workload, inbound, service, servicePort }];
      }),
    ),
  );
}

function judge(
  snapshot: Snapshot,
  target: ConsideredPort,
  principal: string,
  question: Question,
  nowMs: number,
): Judgement {
  const { workload, inbound, service } = target;
  const { policy, protocol, port } = inbound;
  const asked = { kind: 'http', principal, host: nameOf(service), ...(question.request ?? anyRequest) } as const;
  const request: AccessRequest = protocol === 'tcp' ? { kind: 'tcp', principal } : asked;
  const decision = decide(policy, request, nowMs);
  const considered = considerAll(snapshot, target, request, nowMs);
  const head = { workload: workload.key, port, considered };
  if (decision.kind === 'allow') {
    const { name, where } = decision.rule;
    return {
      ...head,
      verdict: 'allow',
      reason: 'allow-rule',
      sentence: `\`${name}\` (${formatSourceRef(where)}) allows it`,
      where,
    };
  }
  const { code, sentence, where } = tellReason(decision.reason);
  const cure = cureFor(snapshot, target, { request, stated: question.request, nowMs }, decision.reason);
  return { ...head, verdict: 'deny', reason: code, sentence, ...(where === undefined ? {} : { where }), cure };
}

/** What a question without a request asks of an HTTP port. */
const anyRequest = { method: 'GET', path: '/' };

/** What a caller of a service writes into `Host` who writes its name: the host of a question that names none. */
function nameOf({ name, tenant }: Service): string {
  return `${name}.${tenant}`;
}

function nothingListens(destination: string): Explanation {
  return refused(
    `no workload of a tenant is declared behind \`${destination}\`, so its sidecars have no filter chain for it`,
    'let a Service select ready pods on that port; a connection to anything undeclared is closed',
  );
}

function refused(message: string, advice: string): Extract<Explanation, { kind: 'no-such-destination' }> {
  return { kind: 'no-such-destination', message, advice };
}

/** Most names listed in an advice. */
const namesMax = 8;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, namesMax).map((name) => `\`${name}\``);
  return names.length > shown.length ? `${shown.join(', ')} and others` : shown.join(', ');
}
