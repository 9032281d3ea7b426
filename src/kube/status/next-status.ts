/**
 * The status that is to be written over the one that stands, or none where nothing differs.
 *
 *   object as it stands + wish + term ──nextStatus──▶ status | nothing to write
 *
 * A term that differs is a difference too: the API server refuses a former leader's write of those objects only in which
 * a later leader has left its own.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import { isRecord } from '../../model/prune.ts';
import { readObject } from '../../model/read-object.ts';
import type { KubeObject } from '../objects.ts';
import { withConditions } from './condition.ts';
import { handedOver } from './handed-over-drill.ts';
import { routeParents } from './route-parents.ts';
import type { Wish } from './wish.ts';

/** @param now RFC 3339. @returns undefined where it would change nothing. */
export function nextStatus(object: KubeObject, wish: Wish, term: number, now: string): object | undefined {
  const before = isRecord(object['status']) ? object['status'] : {};
  const { generation = 0 } = object.metadata;
  const next =
    wish.object.ref.kind === 'HTTPRoute'
      ? { ...before, parents: routeParents(routeNow(object, before, generation), wish.problems, now) }
      : {
          ...(wish.drill && handedOver(before, wish.drill)),
          conditions: withConditions(before['conditions'], wish.conditions, generation, now),
          term,
        };
  return canonicalJson(next) === canonicalJson(before) ? undefined : next;
}

function routeNow(object: KubeObject, before: Record<string, unknown>, generation: number) {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  return { parentRefs: spec['parentRefs'], parents: before['parents'], generation };
}

/**
 * Whether the object that stands there is the one that was judged: its generation is then the one that was observed.
 * Of a broken one, whose last good state may be in force, whether the same is wrong with it.
 */
export function isJudged(raw: KubeObject, { object, problems, isWithdrawn }: Wish): boolean {
  const read = readObject(raw, object.where);
  if (isWithdrawn || read.kind !== 'object') return isWithdrawn === true && read.kind === 'foreign';
  if (read.object.kind === 'valid') return read.object.hash === object.hash;
  return read.problems.every(({ code, path }) => problems.some((told) => told.code === code && told.path === path));
}
