/**
 * The control plane dies with two things on its hands: a drill that runs, and a grant that has seconds to live. Two rows
 * watch what becomes of them, at one death: each waits for many seconds, and they are the demo's longest.
 *
 *   atelier's web ──asks──▶ api     its breaker is open, by the drill
 *   notaire's web ──asks──▶ api     by the grant
 */
import { isEffective } from '../drill-control.ts';
import { type Answer, type Asking, startAsking } from './asking.ts';
import type { DemoContext } from './demo-context.ts';
import { applyUntil, grantDocuments, withdraw } from './edit.ts';
import type { AccessLine } from './json-lines.ts';

export const lastOrders = { drill: 'atelier/api-breaker', caller: 'atelier/web-1', guest: 'notaire/web-1' } as const;
export const grantedUrl = 'http://api.atelier/documents/1';

/** Least life of the grant, in ms: it must be in force, and the control plane dead, long before its end. */
export const lifeMs = 4_000;
/** Longest wait for the drill to begin, in ms, steady state measured before included. */
const drillMs = 40_000;
/** Longest wait for a refusal by the open breaker, in ms. */
const refusalMs = 10_000;

export interface LastOrders {
  readonly own: Asking;
  readonly guest: Asking;
  /** By the open breaker. */
  readonly refused: Answer;
  /** Of that refusal, in the caller's own sidecar. */
  readonly line: AccessLine;
  /** By the grant. */
  readonly letIn: Answer;
  /** Epoch ms at which the grant ends. */
  readonly endMs: number;
  /** Epoch ms at which the control plane was dead. */
  readonly deadMs: number;
  /** Nobody asks any more, and the grant's file is gone. */
  clear(): Promise<void>;
}

/** Resolves once the control plane is dead; until `clear`, both go on asking. */
export async function dieWithLastOrders(context: DemoContext): Promise<LastOrders> {
  const { mesh } = context;
  const log = context.accessLog(lastOrders.caller);
  const [own, guest] = await Promise.all([
    startAsking(mesh.lab, lastOrders.caller, 'http://api/documents/1'),
    startAsking(mesh.lab, lastOrders.guest, grantedUrl),
  ]);
  const clear = async () => {
    await Promise.all([own.stop(), guest.stop()]);
    withdraw(context, grantDocuments);
  };
  try {
    await mesh.drills.begin(lastOrders.drill);
    await mesh.drills.until(lastOrders.drill, 'the open breaker', drillMs, isEffective);
    const refused = await own.until('a refusal', refusalMs, ({ outcome }) => outcome === 503);
    const line = await log.next('the open breaker', ({ flags }) => flags === 'UO');
    const endMs = Math.ceil(Date.now() / 1_000) * 1_000 + lifeMs;
    applyUntil(context, grantDocuments, endMs);
    const letIn = await guest.until('a 200 under the grant', lifeMs, ({ outcome }) => outcome === 200);
    await mesh.killControlPlane();
    return { own, guest, refused, line, letIn, endMs, deadMs: Date.now(), clear };
  } catch (error) {
    await clear();
    throw error;
  }
}
