/** What an actor may do to the drills of a tenant. Who may not even see a drill is told that there is none. */
import type { Actor } from './drill-engine.ts';
import type { Refusal } from './refusal.ts';

/** Seeing is halting: whoever watches a drill may end it. */
export function maySee(actor: Actor, tenant: string): boolean {
  return actor.tenant === undefined || actor.tenant === tenant;
}

export function strikeRefusals(actor: Actor): readonly Refusal[] {
  if (actor.mayStrike) return [];
  const advice = 'ask somebody who may; halting is allowed to you';
  return [{ message: `\`${actor.name}\` may look at drills and halt them, and start none`, advice }];
}
