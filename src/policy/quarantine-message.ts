/** Quarantines on their way to a worker, and back: whoever cannot be read refuses the program, as nobody else would refuse them. */
import { create } from '@bufbuild/protobuf';
import {
  type PolicyProgram,
  type Quarantine as QuarantineMessage,
  QuarantineSchema,
} from '#gen/coffre/policy/v1/program_pb.js';
import type { Quarantine } from '../model/quarantine.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import type { PortPolicy } from './port-policy.ts';
import { saysMore } from './rule-message.ts';

export function writeQuarantine({ spiffeId, reason, by, sinceMs, untilMs }: Quarantine): QuarantineMessage {
  return create(QuarantineSchema, { spiffeId, reason, by, sinceMs: BigInt(sinceMs), untilMs: BigInt(untilMs) });
}

/** @param message decoded from bytes that anybody may have written. @returns to be laid over a policy: nothing where nobody is cut off. */
export function readQuarantines({
  quarantine,
  quarantinedCallers,
}: Pick<PolicyProgram, 'quarantine' | 'quarantinedCallers'>): Pick<PortPolicy, 'quarantine'> | 'refused' {
  const callers = quarantinedCallers.map(readQuarantine).filter((each) => each !== undefined);
  const owner = quarantine && readQuarantine(quarantine);
  if (callers.length < quarantinedCallers.length || (quarantine !== undefined && owner === undefined)) return 'refused';
  if (owner === undefined) return callers.length === 0 ? {} : { quarantine: { callers } };
  return { quarantine: { callers, owner } };
}

function readQuarantine(message: QuarantineMessage): Quarantine | undefined {
  const { spiffeId, reason, by, sinceMs, untilMs } = message;
  const parsed = parseSpiffeId(spiffeId);
  if (saysMore(message) || parsed.kind === 'refused' || !isMoment(sinceMs) || !isMoment(untilMs)) return undefined;
  return { spiffeId, tenant: parsed.id.namespace, reason, by, sinceMs: Number(sinceMs), untilMs: Number(untilMs) };
}

function isMoment(ms: bigint): boolean {
  return ms >= 0n && ms <= BigInt(Number.MAX_SAFE_INTEGER);
}
