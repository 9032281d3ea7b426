/**
 * Calls at the management door as evidence: every act, every look at configuration, and every refusal.
 *
 *   DoorCall ──an act, or refused?──▶ HumanAction, with a pseudonym for the name ──▶ on the disk ──▶ answered
 *
 * Tools ask for status every few seconds, and whoever reads events must not make events: such calls are told only where
 * they were refused. A method that nobody has thought of yet is told.
 * The surprise: an answer waits until its evidence is kept, with all that the act itself has told before, so that nobody
 * can act, be answered, and have the process killed before the disk knows. A disk that hangs keeps nobody from acting.
 */
import type { HumanAction } from '../evidence/event.ts';
import type { PersonSeal } from '../evidence/people/person-seal.ts';
import type { Teller } from '../evidence/recorder/recorder-ports.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import type { DoorCall } from './door-call.ts';
import type { MethodName } from './methods.ts';
import { ownerName } from './person.ts';

const polled: ReadonlySet<string> = new Set<MethodName>([
  ...([
    'status',
    'rotations',
    'proxyStatus',
    'drills',
    'drill',
    'events',
    'evidenceHead',
    'alerts',
    'quarantines',
  ] as const),
]);

/** Destroys a tenant's key. */
const forgets: MethodName = 'evidenceForget';

/** Nobody, no right, nothing there, no by the rules. What was malformed or too early is no refusal. */
const refusals: ReadonlySet<number> = new Set([401, 403, 404, 422]);

/** Who called, where no certificate says it. */
const nobodyName = 'nobody';
/** Who called, where the name could not be sealed: a name is never written as it is. */
const unsealedName = 'unsealed';

/** Longest that an answer waits for its evidence, in ms: far less than whoever asks waits for an answer. */
export const answerWaitMs = 2_000;

export interface HumanActionPorts extends Teller {
  /** Resolves when all that was recorded is on disk, or cannot be just now. Never rejects. */
  settled(): Promise<void>;
  readonly seal: Pick<PersonSeal, 'seal'>;
  /** Whether there is such a tenant: keys are made for tenants, and not for whatever a caller writes. */
  hasTenant(name: string): boolean;
}

/** @returns what is to be told of each call that is about to be answered, and resolves when it may be. Never rejects. */
export function recordCalls(ports: HumanActionPorts): (call: DoorCall) => Promise<void> {
  return async (call) => {
    const { method, about, status } = call;
    if (polled.has(method) && !refusals.has(status)) return;
    const tenant = tenantOf(call, ports);
    const person = personOf(call, tenant, ports.seal);
    const common = { id: ports.newId(), atMs: ports.clock.nowMs(), tenant };
    const event: HumanAction = { kind: 'human-action', ...common, person, method, about, status };
    ports.record(event);
    const waited = Promise.withResolvers<void>();
    const cancel = ports.clock.setTimer(answerWaitMs, waited.resolve);
    await Promise.race([ports.settled(), waited.promise]);
    cancel();
  };
}

/**
 * That of a person's own scope; of who speaks for the mesh, that of what it was about. Who destroys a tenant's key is told
 * under the mesh's own: under the tenant's a new key would be made for that one name.
 */
function tenantOf({ caller, about, method }: DoorCall, { hasTenant }: HumanActionPorts): string {
  if (caller === undefined || method === forgets) return systemNamespace;
  if (caller.kind === 'person' && caller.person.scope.kind === 'tenant') return caller.person.scope.tenant;
  const [named = ''] = about.split('/');
  return hasTenant(named) ? named : systemNamespace;
}

function personOf({ caller }: DoorCall, tenant: string, seal: HumanActionPorts['seal']): string {
  if (caller === undefined) return nobodyName;
  if (caller.kind === 'owner') return ownerName;
  try {
    return seal.seal(tenant, caller.person.name);
  } catch {
    return unsealedName;
  }
}
