/** A denial in words: a stable code for records, and a sentence for those who may know why. */
import type { Quarantine } from '../model/quarantine.ts';
import type { SourceRef } from '../model/source-ref.ts';
import { formatSourceRef } from '../model/source-ref.ts';
import type { DenyReason } from './decide.ts';

export interface ToldReason {
  readonly code: DenyReason['kind'];
  readonly sentence: string;
  /** Where the rule that decided was written. */
  readonly where?: SourceRef;
}

const codes: Readonly<Record<DenyReason['kind'], true>> = {
  'no-identity': true,
  quarantined: true,
  'unclean-path': true,
  'bad-host': true,
  'tenant-wall': true,
  'grant-expired': true,
  'outside-grant': true,
  'deny-rule': true,
  'token-missing': true,
  'token-invalid': true,
  'token-untold': true,
  'rule-expired': true,
  'no-allow-rule': true,
};

/** Whether a record's reason is one of ours, and not Envoy's word for a request that it could not read. */
export function isReasonCode(word: string): word is DenyReason['kind'] {
  return Object.hasOwn(codes, word);
}

export function tellReason(reason: DenyReason): ToldReason {
  const code = reason.kind;
  switch (reason.kind) {
    case 'no-identity':
      return { code, sentence: 'the caller has no identity of this mesh' };
    case 'unclean-path':
      return { code, sentence: 'the path can be read in more than one way, so no rule is asked about it' };
    case 'bad-host':
      return { code, sentence: 'the request names no host, or not exactly one, so no rule is asked about it' };
    case 'quarantined':
      return { code, sentence: tellQuarantine(reason.quarantine) };
    case 'tenant-wall':
      return { code, sentence: `no grant leads from tenant \`${reason.from}\` to this port of \`${reason.to}\`` };
    case 'grant-expired':
    case 'rule-expired':
      return byRule(code, 'has ended', reason.rule);
    case 'outside-grant':
      return { code, sentence: `${named(reason.considered)} does not cover this caller and request` };
    case 'deny-rule':
      return byRule(code, 'denies it', reason.rule);
    case 'token-missing':
      return byRule(code, 'would allow it, and asks for a token that the request does not bring', reason.rule);
    case 'token-invalid':
      return byRule(code, `would allow it, and the token of the request is not valid: ${reason.why}`, reason.rule);
    case 'token-untold':
      return byRule(code, `might allow it, and ${reason.why}`, reason.rule);
    case 'no-allow-rule':
      return { code, sentence: 'no rule allows it' };
  }
}

function tellQuarantine({ spiffeId, by, reason, untilMs }: Quarantine): string {
  return `\`${spiffeId}\` is under quarantine until ${new Date(untilMs).toISOString()}, by \`${by}\`: ${reason}`;
}

function byRule(
  code: DenyReason['kind'],
  what: string,
  { name, where }: { name: string; where: SourceRef },
): ToldReason {
  return { code, sentence: `\`${name}\` (${formatSourceRef(where)}) ${what}`, where };
}

/** Most rules that one sentence names. */
const namedMax = 8;

function named(rules: readonly { readonly name: string }[]): string {
  const names = rules.slice(0, namedMax).map(({ name }) => `\`${name}\``);
  return rules.length > namedMax ? `${names.join(', ')} or any of ${rules.length - namedMax} more` : names.join(', ');
}
