/** What a builder of ours could not build, as the author of the object reads it. */
import type { Problem } from '../model/problem.ts';
import { quote } from '../model/quote.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Unbuilt } from './configure.ts';
import { type Origin, originsOfPart, originsOfWorkload } from './origins.ts';

/** On the object that the port could not exist without; of a whole proxy, on its Pod. */
export function unbuiltProblems(failed: readonly Unbuilt[], snapshot: Snapshot): readonly Problem[] {
  const problems = failed.flatMap((each) => {
    const [origin] = behind(each, snapshot);
    return origin === undefined ? [] : [problemOf(each, origin)];
  });
  // Every caller of a service fails alike: said once.
  return [...new Map(problems.map((problem) => [JSON.stringify([problem.object, problem.message]), problem])).values()];
}

function behind({ workload, part }: Unbuilt, snapshot: Snapshot): readonly Origin[] {
  const known = snapshot.workloads.get(workload);
  if (known === undefined) return [];
  return part === undefined ? originsOfWorkload(known) : originsOfPart(snapshot, known, part);
}

function problemOf(unbuilt: Unbuilt, { ref, where }: Origin): Problem {
  const { cause } = unbuilt;
  return {
    code: 'not-built',
    severity: 'error',
    where,
    path: '',
    object: ref,
    message: `${outcomeOf(unbuilt)}: ${quote(cause instanceof Error ? cause.message : String(cause))}`,
    advice:
      'this is a fault of the control plane and not yours: report it with its log, and undo what you changed last',
  };
}

/** A caller is not named: the object may be another tenant's. */
function outcomeOf({ workload, part }: Unbuilt): string {
  switch (part?.kind) {
    case undefined:
      return `no configuration could be built for \`${workload}\`, so its proxy keeps the one it has`;
    case 'inbound':
      return `port ${part.port.port} of \`${workload}\` could not be built, so it is closed`;
    case 'outbound':
      return `the way to \`${part.port.service}\` port ${part.port.port} could not be built, so it is closed to its callers`;
    case 'external':
      return `the way out to \`${part.service.name}\` port ${part.service.port} could not be built, so it is closed`;
  }
}
