/** What the loop reports, as evidence: problems as they come and go, and each new revision with the objects that made it. */
import type { PublicationEvent } from '../evidence/event.ts';
import type { Teller } from '../evidence/recorder/recorder-ports.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import type { LoopReport } from './loop.io.ts';
import { ObjectChanges } from './object-changes.ts';
import { ProblemChanges } from './problem-changes.ts';

/** Most objects, and most withheld workloads, that one publication names; both are counted in full. */
export const objectsNamedMax = 100;

/**
 * @param objects in force now: what the snapshot was made of.
 * @returns what builders and issuers could not do is not among it: the first are problems, the second certificates.
 */
export function recordLoop({ clock, newId, record }: Teller, objects: () => readonly SourcedObject[]): LoopReport {
  const problemChanges = new ProblemChanges();
  const objectChanges = new ObjectChanges();
  let published = '';
  return {
    problems(problems) {
      for (const change of problemChanges.next(problems)) {
        record({ kind: 'problem', id: newId(), atMs: clock.nowMs(), ...change });
      }
    },
    published(revision, proxies, withheld) {
      const what = JSON.stringify([revision, proxies, withheld]);
      if (what === published) return;
      published = what;
      const changes = objectChanges.next(objects());
      const event: PublicationEvent = {
        ...{ kind: 'publication', id: newId(), atMs: clock.nowMs(), tenant: systemNamespace, revision, proxies },
        ...{ withheld: withheld.slice(0, objectsNamedMax), withheldCount: withheld.length },
        ...{ objects: changes.slice(0, objectsNamedMax), objectCount: changes.length },
      };
      record(event);
    },
    buildFailed: () => undefined,
    madeWhole: () => undefined,
    issueFailed: () => undefined,
    runFailed: () => undefined,
  };
}

/** Tells each of them everything, in this order. */
export function reportToAll(...reports: readonly LoopReport[]): LoopReport {
  return {
    problems: (...told) => {
      for (const report of reports) report.problems(...told);
    },
    published: (...told) => {
      for (const report of reports) report.published(...told);
    },
    buildFailed: (...told) => {
      for (const report of reports) report.buildFailed(...told);
    },
    madeWhole: (...told) => {
      for (const report of reports) report.madeWhole(...told);
    },
    issueFailed: (...told) => {
      for (const report of reports) report.issueFailed(...told);
    },
    runFailed: (...told) => {
      for (const report of reports) report.runFailed(...told);
    },
  };
}
