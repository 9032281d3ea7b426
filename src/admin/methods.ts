/**
 * Every method of the management door, and who may call it: the one table.
 *
 *   caller ──mayCall(method)──▶ scope to answer within | refusal
 *
 * A method that is not here does not exist. The scope is not a permission by itself: whoever answers shows nothing
 * outside it, and what lies outside looks like what is not there.
 */
import type { Person, Role, Scope } from './person.ts';

/** Whoever works with the mesh. An alerter is a machine that only speaks. */
const onlookers = ['viewer', 'operator', 'game-master', 'auditor'] as const;

export const methods = {
  /** Health of the mesh and of each proxy. */
  status: { roles: onlookers },
  /** Why a request is allowed or refused, as the running control plane sees it. */
  explain: { roles: ['viewer', 'operator', 'auditor'] },
  /** Rotations of tenants' CAs that are under way, and who holds them back. */
  rotations: { roles: onlookers },
  /** Begins the rotation of one tenant's CA, or aborts it. */
  rotateIntermediate: { roles: ['operator'] },
  /** Lets a loss of source objects be that is held. */
  confirmLoss: { roles: ['operator'] },
  /** What a sidecar needs to start: with a token in it, so whoever gets it can be that workload for an hour. */
  proxyFiles: { roles: ['operator'] },
  /** What proxies were sent, accepted and refused. */
  proxyStatus: { roles: onlookers },
  /** What a proxy itself holds: all that its workload is told, so for those who may read its tenant's policies. */
  proxyConfig: { roles: ['viewer', 'operator', 'auditor'] },
  /** Where what a proxy holds is not what it was sent. */
  proxyDiff: { roles: ['viewer', 'operator', 'auditor'] },
  /** Says what a drill would touch, and touches nothing. */
  drillPlan: { roles: ['game-master'] },
  drillApprove: { roles: ['game-master'] },
  drillStart: { roles: ['game-master'] },
  /** To end a drill takes less than to begin one. */
  drillHalt: { roles: ['operator', 'game-master'] },
  drillHaltAll: { roles: ['operator', 'game-master'] },
  /** Lets drills begin again after `drillHaltAll`. */
  drillRelease: { roles: ['game-master'] },
  drills: { roles: onlookers },
  /** One drill with its timeline. */
  drill: { roles: onlookers },
  /** What a drill was, and whom it reached, as a signed text to hand on: with people and events in it. */
  drillReport: { roles: ['operator', 'game-master', 'auditor'] },
  /** What happened: denials, attempts, pushes, drills, people. */
  events: { roles: onlookers },
  /** Where the chain of evidence ends, and by which key that is signed. */
  evidenceHead: { roles: onlookers },
  /** Destroys the key of one tenant's pseudonyms; nobody can undo it. */
  evidenceForget: { roles: ['operator'] },
  /** Cuts one identity off every peer. */
  quarantine: { roles: ['operator'] },
  /** The same by a machine (EDR, SIEM), which may begin and nothing else: an alarm is cheap to raise, and to lift it is a judgement. */
  quarantineAlarm: { roles: ['operator', 'responder'] },
  quarantineRelease: { roles: ['operator'] },
  quarantines: { roles: onlookers },
  /** Alerts that monitoring raises: they can end a drill and do nothing else. */
  alerts: { roles: ['operator', 'game-master', 'alerter'] },
} as const satisfies Record<string, { readonly roles: readonly Role[] }>;

export type MethodName = keyof typeof methods;

export type Caller =
  /** Whoever can open the socket in the state folder: it holds the CA, so there is nothing left to protect from them. */
  { readonly kind: 'owner' } | { readonly kind: 'person'; readonly person: Person };

export type Access =
  | { readonly kind: 'granted'; readonly scope: Scope }
  | { readonly kind: 'refused'; readonly message: string; readonly advice: string };

export function methodNamed(name: string): MethodName | undefined {
  return Object.hasOwn(methods, name) ? (name as MethodName) : undefined;
}

export function mayCall(caller: Caller, method: MethodName): Access {
  if (caller.kind === 'owner') return { kind: 'granted', scope: { kind: 'mesh' } };
  const { person } = caller;
  const allowed: readonly Role[] = methods[method].roles;
  if (allowed.includes(person.role)) return { kind: 'granted', scope: person.scope };
  return {
    kind: 'refused',
    message: `\`${person.name}\` is ${person.role} and \`${method}\` is for ${allowed.join(', ')}`,
    advice:
      'ask the owner of the state folder for a certificate of that role (`coffre admin issue`), or in a cluster for the right to bear it',
  };
}
