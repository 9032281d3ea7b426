/**
 * An object of ours that somebody writes, judged as it would stand among all others: the same problems, in the same words,
 * as in a folder, a status and `coffre check`.
 *
 *   written ──readObject──▶ object ──in the place of its former──▶ snapshot ──▶ its problems, less those it had before
 *
 * Only what it newly has is refused: whoever mends one of two mistakes is let through. What another object may still mend is
 * told as a warning and taken: objects come in any order, from a person, a repository or a backup, and until the other one is
 * there, what waits for it opens nothing. Others' problems are theirs, even where this object brought them.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import type { Problem, ProblemCode } from '../../model/problem.ts';
import { readObject } from '../../model/read-object.ts';
import { SnapshotBuilder } from '../../model/snapshot-builder.ts';
import { objectId, type SourcedObject } from '../../model/sourced-object.ts';
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';

/** What is missing may still come. */
const mendable: ReadonlySet<ProblemCode> = new Set([
  'missing-mesh',
  'missing-tenant',
  'dangling-reference',
  'backend-unresolved',
]);

export class ObjectJudge {
  /** Of trials alone. It remembers what did not change, so a trial costs its namespace and no more. */
  readonly #trials = new SnapshotBuilder();

  /**
   * @param objects what the newest snapshot was made of.
   * @param nowMs epoch ms, against which grants and rules end.
   */
  judge(request: AdmissionRequest, objects: readonly SourcedObject[], nowMs: number): Verdict {
    const { operation, object, oldObject } = request;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return unchanged;
    const problems = (raw: unknown) => this.#problemsOf(request, raw, objects, nowMs);
    const after = problems(object);
    if (after.length === 0) return unchanged;
    const before = new Set((operation === 'UPDATE' ? problems(oldObject) : []).map(keyOf));
    const found = after.filter((problem) => !before.has(keyOf(problem)));
    const refused = found.filter(({ severity, code }) => severity === 'error' && !mendable.has(code));
    if (refused.length > 0) return { kind: 'refused', problems: refused };
    return { kind: 'allowed', patch: [], warnings: found };
  }

  #problemsOf(
    { kind, namespace = '', name = '' }: AdmissionRequest,
    raw: unknown,
    objects: readonly SourcedObject[],
    nowMs: number,
  ): readonly Problem[] {
    const place = [kind.kind, namespace, name].filter((part) => part !== '').join('/');
    const read = readObject(raw, { file: place, line: 1 });
    if (read.kind !== 'object' || read.object.kind === 'broken') return read.problems;
    const { id } = read.object;
    const others = objects.filter((other) => other.id !== id);
    const { problems } = this.#trials.build([...others, read.object], nowMs);
    return problems.filter(({ object: ref }) => ref !== undefined && objectId(ref) === id);
  }
}

/** Of two problems of one object: whether they are the same one. */
function keyOf({ code, path, message }: Problem): string {
  return canonicalJson([code, path, message]);
}
