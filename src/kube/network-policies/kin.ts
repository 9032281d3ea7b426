/**
 * Pods that one selector stands for: those of one namespace with the same lasting labels.
 *
 *   workloads ──lasting labels──▶ kin ──faces differ?──▶ split by all labels ──▶ Kin, each with a selector of its own
 *
 * A selector says which labels there are, and which there are not: so it takes its kin and no other. Labels that come and
 * go with each roll-out are left out where nothing depends on them, so that a new pod is known before it is seen.
 * Where pods that the mesh tells apart bear the very same labels, no selector can: they are one kin, and it is `isBlurred`.
 */
import { canonicalJson, compareText, contentHash } from '../../model/canonical-json.ts';
import type { Workload } from '../../model/snapshot.ts';
import type { LabelSelector } from './network-policy.ts';

export interface Kin {
  readonly namespace: string;
  /** Of the labels; the same for as long as they are. */
  readonly name: string;
  readonly selector: LabelSelector;
  /** Sorted. */
  readonly members: readonly Workload[];
  /** Whether the mesh tells members apart, which their labels do not. */
  readonly isBlurred: boolean;
}

/** Most kin of one namespace: each is a policy. Beyond it the namespace is one. */
export const kinMax = 200;

/** What controllers write anew for each roll-out, job or pod. Source: Kubernetes, well-known labels. */
const passing: ReadonlySet<string> = new Set([
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
  'batch.kubernetes.io/job-name',
  'coffre.dev/revision',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'pod-template-generation',
  'pod-template-hash',
  'statefulset.kubernetes.io/pod-name',
]);

type Labels = readonly (readonly [string, string])[];

interface Group {
  readonly labels: Labels;
  readonly members: readonly Workload[];
  /** Whether its members bear these labels and no others. */
  readonly isExact: boolean;
}

/** @param workloads of one namespace, sorted. @returns sorted by name. */
export function kinIn(
  namespace: string,
  workloads: readonly Workload[],
  faceOf: (workload: Workload) => string,
): readonly Kin[] {
  const groups = groupsOf(workloads, false).flatMap((group) =>
    facesIn(group, faceOf) === 1 ? [group] : groupsOf(group.members, true),
  );
  const told = groups.length > kinMax ? [{ labels: [], members: workloads, isExact: false }] : groups;
  return told
    .map((group) => ({
      namespace,
      name: `coffre-${contentHash(canonicalJson([group.isExact, group.labels])).slice(0, 10)}`,
      selector: selectorOf(group, told),
      members: group.members,
      isBlurred: facesIn(group, faceOf) > 1,
    }))
    .sort((left, right) => compareText(left.name, right.name));
}

function groupsOf(workloads: readonly Workload[], isExact: boolean): readonly Group[] {
  const labelled = labelsOf(isExact);
  const byLabels = Map.groupBy(workloads, (workload) => canonicalJson(labelled(workload)));
  return [...byLabels.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined ? [] : [{ labels: labelled(first), members, isExact }];
  });
}

function facesIn({ members }: Pick<Group, 'members'>, faceOf: (workload: Workload) => string): number {
  return new Set(members.map(faceOf)).size;
}

/** Of those that bear all these labels and more, some label that these do not bear. */
function selectorOf(group: Group, all: readonly Group[]): LabelSelector {
  const own = new Map(group.labels);
  const others = all.filter((each) => each !== group);
  // Who is known by passing labels is told apart by them, too, and else by nothing that may pass.
  const told = group.isExact ? others.flatMap(({ members }) => members.map(labelsOf(true))) : others.map(stableLabels);
  const absent = new Set<string>();
  for (const labels of told) {
    const has = new Map(labels);
    if (![...own].every(([key, value]) => has.get(key) === value)) continue;
    const keys = labels.map(([key]) => key).filter((key) => !own.has(key));
    const [first] = keys;
    if (first !== undefined && !keys.some((key) => absent.has(key))) absent.add(first);
  }
  return {
    ...(own.size === 0 ? {} : { matchLabels: Object.fromEntries(own) }),
    ...(absent.size === 0
      ? {}
      : { matchExpressions: [...absent].sort().map((key) => ({ key, operator: 'DoesNotExist' as const })) }),
  };
}

function stableLabels({ labels }: Group): Labels {
  return labels.filter(([key]) => !passing.has(key));
}

function labelsOf(isExact: boolean) {
  return ({ labels }: Workload): Labels => [...labels].filter(([key]) => isExact || !passing.has(key));
}
