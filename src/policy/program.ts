/**
 * The compiled policy of one workload on its way to an authorization worker, and back.
 *
 *   ProxyView ──programOf──▶ PolicyProgram ──xDS──▶ readProgram ──▶ Program ──▶ decide
 *
 * What comes back is equal to what was compiled; a program that is not whole is refused whole, and the worker keeps the
 * one it has. The surprise: a field that this worker does not know is a refusal too. It may be a condition that a newer
 * control plane wrote, and a rule that loses a condition allows what nobody allowed.
 */
import { create } from '@bufbuild/protobuf';
import {
  type AuditedRules,
  type PolicyProgram,
  PolicyProgramSchema,
  type PortProgram,
} from '#gen/coffre/policy/v1/program_pb.js';
import type { IdentityProvider } from '../model/snapshot.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import { prepare } from './decide.ts';
import { isStatic, type PortPolicy, type RuleLists } from './port-policy.ts';
import { readProvider, writeProvider } from './provider-message.ts';
import { readQuarantines, writeQuarantine } from './quarantine-message.ts';
import { isWhole, readRule, saysMore, writeRule } from './rule-message.ts';
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

export function programOf({ workload, inbound }: ProxyView): PolicyProgram {
  const { key, spiffeId, tenant } = workload;
  const quarantine = inbound.find(({ policy }) => policy.quarantine !== undefined)?.policy.quarantine;
  const providers = inbound.find(({ policy }) => policy.identityProviders !== undefined)?.policy.identityProviders;
  return create(PolicyProgramSchema, {
    workload: key,
    spiffeId,
    tenant,
    ports: inbound.map(({ port, policy: { audited, ...lists } }) => ({
      port,
      ...writeLists(lists),
      ...(audited === undefined ? {} : { audited: writeLists(audited) }),
    })),
    identityProviders: (providers ?? []).map(writeProvider),
    quarantinedCallers: (quarantine?.callers ?? []).map(writeQuarantine),
    ...(quarantine?.owner === undefined ? {} : { quarantine: writeQuarantine(quarantine.owner) }),
  });
}

function writeLists({ deny, allow }: RuleLists) {
  return { deny: deny.map(writeRule), allow: allow.map(writeRule) };
}

/** @param message decoded from bytes that anybody may have written. */
export function readProgram(message: PolicyProgram): ReadProgramResult {
  const { workload, spiffeId, tenant } = message;
  if (saysMore(message)) return refused('it says more than this worker understands');
  const owner = parseSpiffeId(spiffeId);
  if (workload === '' || tenant === '') return refused('it names no workload or tenant');
  if (owner.kind === 'refused' || owner.id.namespace !== tenant) return refused('its identity is none of its tenant');
  const providers = message.identityProviders.map(readProvider);
  if (providers.some((provider) => provider === undefined)) return refused('an identity provider cannot be read');
  const known = providers.filter((provider) => provider !== undefined);
  const quarantine = readQuarantines(message);
  if (quarantine === 'refused') return refused('a quarantine cannot be read');
  const ports = new Map<number, PortPolicy>();
  for (const portMessage of message.ports) {
    const { port } = portMessage;
    if (saysMore(portMessage) || port < 1 || port > portMax) return refused(`its port ${port} cannot be read`);
    if (ports.has(port)) return refused(`it has two policies for port ${port}`);
    const broken = rulesIn(portMessage).find((rule) => !isWhole(rule));
    if (broken !== undefined) return refused(`its rule \`${broken.name}\` on port ${port} cannot be read`);
    if (portMessage.audited !== undefined && saysMore(portMessage.audited)) {
      return refused(`what is under audit on port ${port} cannot be read`);
    }
    const policy = readPort(portMessage, { trustDomain: owner.id.trustDomain, tenant, ...quarantine }, known);
    prepare(policy);
    ports.set(port, policy);
  }
  return { kind: 'ok', program: { workload, spiffeId, tenant, ports } };
}

function readPort(
  message: PortProgram,
  owner: Pick<PortPolicy, 'trustDomain' | 'tenant' | 'quarantine'>,
  providers: readonly IdentityProvider[],
): PortPolicy {
  const { audited } = message;
  return {
    ...owner,
    ...readLists(message),
    ...(audited === undefined ? {} : { audited: readLists(audited) }),
    ...(rulesIn(message).map(readRule).every(isStatic) ? {} : { identityProviders: providers }),
  };
}

function rulesIn({ deny, allow, audited }: PortProgram): PortProgram['deny'] {
  return [...deny, ...allow, ...(audited?.deny ?? []), ...(audited?.allow ?? [])];
}

function readLists({ deny, allow }: Pick<AuditedRules, 'deny' | 'allow'>): RuleLists {
  return { deny: deny.map(readRule), allow: allow.map(readRule) };
}

function refused(why: string): ReadProgramResult {
  return { kind: 'refused', why };
}
