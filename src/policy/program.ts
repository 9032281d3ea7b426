/**
 * The compiled policy of one workload on its way to an authorization worker, and back.
 *
 *   ProxyView ──programOf──▶ PolicyProgram ──xDS──▶ readProgram ──▶ Program ──▶ decide
 *
 * What comes back is equal to what was compiled; a program that is not whole is refused whole, and the worker keeps the
 * one it has. The surprise: a field that this worker does not know is a refusal too. It may be a condition that a newer
 * control plane wrote, and a rule that loses a condition allows what nobody allowed.
 */
import { create, type Message } from '@bufbuild/protobuf';
import {
  type Caller as CallerMessage,
  type PathMatch as PathMessage,
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

/** Highest port of TCP. */
const portMax = 65_535;

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
  if (saysMore(message)) return refused('it says more than this worker understands');
  const owner = parseSpiffeId(spiffeId);
  if (workload === '' || tenant === '') return refused('it names no workload or tenant');
  if (owner.kind === 'refused' || owner.id.namespace !== tenant) return refused('its identity is none of its tenant');
  const { trustDomain } = owner.id;
  const ports = new Map<number, PortPolicy>();
  for (const portMessage of message.ports) {
    const { port, deny, allow } = portMessage;
    if (saysMore(portMessage) || port < 1 || port > portMax) return refused(`its port ${port} cannot be read`);
    if (ports.has(port)) return refused(`it has two policies for port ${port}`);
    const broken = [...deny, ...allow].find((rule) => !isWhole(rule));
    if (broken !== undefined) return refused(`its rule \`${broken.name}\` on port ${port} cannot be read`);
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

/**
 * What cannot match by mistake must be refused: in a deny rule it would let through.
 * "Nobody in particular" must be said: an empty list is a rule that lost its callers, not a rule for everyone.
 */
function isWhole(rule: RuleMessage): boolean {
  const { name, anyone, callers, methods, paths, notAfterMs = 0n } = rule;
  if (saysMore(rule) || name === '' || anyone !== (callers.length === 0)) return false;
  if (notAfterMs < 0n || notAfterMs > BigInt(Number.MAX_SAFE_INTEGER)) return false;
  return callers.every(isCaller) && !methods.includes('') && paths.every(isPath);
}

function isCaller(message: CallerMessage): boolean {
  const { caller } = message;
  if (saysMore(message)) return false;
  return caller.case === 'tenant' ? caller.value !== '' : parseSpiffeId(caller.value ?? '').kind === 'ok';
}

function isPath(message: PathMessage): boolean {
  return !saysMore(message) && message.path.startsWith('/');
}

function saysMore({ $unknown = [] }: Message): boolean {
  return $unknown.length > 0;
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
