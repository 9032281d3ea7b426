/**
 * What an actor may do to the drills of a tenant. Who may not even see a drill is told that there is none.
 *
 * Who feels a drill of somebody else's may see that it does, and end it. That gives it nothing that it had not: it
 * consented, a drill ends when a consent is taken back, and halting is the same in one command.
 */
import type { Actor } from './drill-engine.ts';
import type { Refusal } from './refusal.ts';
import type { Run } from './run.ts';

/** Seeing is halting: whoever watches a drill may end it. */
export function maySee(actor: Actor, tenant: string): boolean {
  return actor.tenant === undefined || actor.tenant === tenant;
}

/** How much of a run an actor is shown. */
type Sight =
  | { readonly kind: 'whole' }
  /** It strikes callers of this tenant, or has struck them. */
  | { readonly kind: 'struck'; readonly tenant: string }
  | { readonly kind: 'nothing' };

export function sightOf(actor: Actor, { drill, startedAtMs }: Run): Sight {
  const { tenant } = actor;
  if (tenant === undefined || maySee(actor, drill.tenant)) return { kind: 'whole' };
  const isStruck = startedAtMs !== 0 && drill.radius.callers.some((caller) => caller.tenant === tenant);
  return isStruck ? { kind: 'struck', tenant } : { kind: 'nothing' };
}

export function strikeRefusals(actor: Actor): readonly Refusal[] {
  if (actor.mayStrike) return [];
  const advice = 'ask somebody who may; halting is allowed to you';
  return [{ message: `\`${actor.name}\` may look at drills and halt them, and start none`, advice }];
}
