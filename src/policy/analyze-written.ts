/** Rules as they were written, by the names that they bear where they are compiled. */
import type { AccessPolicy, AccessRule, Snapshot } from '../model/snapshot.ts';
import type { Effect } from './match-path.ts';

export interface WrittenRule {
  readonly name: string;
  readonly effect: Effect;
  readonly policy: AccessPolicy;
  readonly rule: AccessRule;
}

/** Of policies that can be understood. */
export function writtenRules({ policies }: Pick<Snapshot, 'policies'>): readonly WrittenRule[] {
  return [...policies.values()].flatMap((policy) =>
    (['allow', 'deny'] as const).flatMap((effect) =>
      policy[effect].map((rule, index) => ({
        name: `access-policy/${policy.key}/${effect}/${index}`,
        effect,
        policy,
        rule,
      })),
    ),
  );
}

export function grantName({ key }: { readonly key: string }): string {
  return `grant/${key}`;
}

export function namesPort({ ports }: AccessRule, port: number): boolean {
  return ports.length === 0 || ports.includes(port);
}
