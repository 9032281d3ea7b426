/**
 * The compiled policy of one workload on its way to an authorization worker, and back.
 *
 *   ProxyView ──programOf──▶ PolicyProgram ──xDS──▶ readProgram ──▶ Program ──▶ decide
 *
 * What comes back is equal to what was compiled; a program that is not whole is refused whole, and the worker keeps the
 * one it has.
 */
import { create } from '@bufbuild/protobuf';
import {
  type Caller as CallerMessage,
  type PolicyProgram,
  PolicyProgramSchema,
  type Rule as RuleMessage,
  RuleSchema,
} from '#gen/coffre/policy/v1/program_pb.js';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import type { Caller, PortPolicy, Rule } from './port-policy.ts';
import type { ProxyView } from './view.ts';

export const programTypeUrl = `type.googleapis.com/${PolicyProgramSchema.typeName}`;

/** Keys of a check's context extensions: whose policy is to judge. They come from Envoy's configuration, which a caller cannot touch. */
export const checkContext = { workload: 'workload', port: 'port' } as const;

/** What a worker knows of one workload. */
export interface Program {
  readonly workload: string;
  readonly spiffeId: string;
  readonly tenant: string;
  readonly ports: ReadonlyMap<number, PortPolicy>;
}

export type ReadProgramResult =
  | { readonly kind: 'ok'; readonly program: Program }
  | { readonly kind: 'refused'; readonly why: string };

export function programOf(view: ProxyView): PolicyProgram {
  return create(PolicyProgramSchema, {
    workload: view.workload.key,
    spiffeId: view.workload.spiffeId,
    tenant: view.workload.tenant,
    ports: view.inbound.map(({ port, policy }) => ({
      port,
      deny: policy.deny.map(writeRule),
      allow: policy.allow.map(writeRule),
    })),
  });
}

/** @param message decoded from bytes that anybody may have written. */
export function readProgram(message: PolicyProgram): ReadProgramResult {
  const { workload, spiffeId, tenant } = message;
  const owner = parseSpiffeId(spiffeId);
  if (workload === '' || tenant === '') return refused('it names no workload or tenant');
  if (owner.kind === 'refused' || owner.id.namespace !== tenant) return refused('its identity is none of its tenant');
  const { trustDomain } = owner.id;
  const ports = new Map<number, PortPolicy>();
  for (const { port, deny, allow } of message.ports) {
    if (ports.has(port)) return refused(`it has two policies for port ${port}`);
    const rules = [...deny, ...allow].find((rule) => !isWhole(rule));
    if (rules !== undefined) return refused(`its rule \`${rules.name}\` on port ${port} names nobody it speaks of`);
    ports.set(port, { trustDomain, tenant, deny: deny.map(readRule), allow: allow.map(readRule) });
  }
  return { kind: 'ok', program: { workload, spiffeId, tenant, ports } };
}

function refused(why: string): ReadProgramResult {
  return { kind: 'refused', why };
}

function writeRule({ name, callers, match, notAfterMs, where }: Rule): RuleMessage {
  return create(RuleSchema, {
    name,
    anyone: callers === 'anyone',
    callers: callers === 'anyone' ? [] : callers.map(writeCaller),
    methods: [...match.methods],
    paths: match.paths.map(({ kind, path }) => ({ path, subtree: kind === 'subtree' })),
    ...(notAfterMs === undefined ? {} : { notAfterMs: BigInt(notAfterMs) }),
    file: where.file,
    line: where.line,
  });
}

function writeCaller(caller: Caller) {
  return caller.kind === 'tenant'
    ? { caller: { case: 'tenant' as const, value: caller.tenant } }
    : { caller: { case: 'spiffeId' as const, value: caller.spiffeId } };
}

/** "Nobody in particular" must be said: an empty list is a rule that lost its callers, not a rule for everyone. */
function isWhole({ name, anyone, callers }: RuleMessage): boolean {
  if (name === '' || anyone !== (callers.length === 0)) return false;
  return callers.every(({ caller }) => caller.case !== undefined && caller.value !== '');
}

function readRule(rule: RuleMessage): Rule {
  return {
    name: rule.name,
    callers: rule.anyone ? 'anyone' : rule.callers.flatMap(readCaller),
    match: {
      methods: rule.methods,
      paths: rule.paths.map(({ path, subtree }) => ({ kind: subtree ? 'subtree' : 'exact', path })),
    },
    ...(rule.notAfterMs === undefined ? {} : { notAfterMs: Number(rule.notAfterMs) }),
    where: { file: rule.file, line: rule.line },
  };
}

function readCaller({ caller }: CallerMessage): Caller[] {
  if (caller.case === 'tenant') return [{ kind: 'tenant', tenant: caller.value }];
  return caller.case === 'spiffeId' ? [{ kind: 'identity', spiffeId: caller.value }] : [];
}
