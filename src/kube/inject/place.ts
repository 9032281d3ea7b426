/**
 * Where a pod may not put itself: onto a node that another tenant has to itself, whose pods would lose their identity there.
 *
 *   spec.nodeName   passes by the scheduler, and so by `NoSchedule`
 *   toleration      passes by the taint: of a dedicated node only its own tenant's, and those it shares its nodes with
 *
 * A scheduler writes through `pods/binding`, which no editor of a namespace may. Kubernetes lets tolerations be added to a
 * living pod, so an edit is judged by those that it adds.
 */
import { dedicatedTaint } from '../../model/dedicated-taint.ts';
import { quote } from '../../model/quote.ts';
import type { Pod } from './pod.ts';
import type { PodFinding } from './problem-of.ts';

type Tolerations = NonNullable<Pod['spec']['tolerations']>;
type Toleration = Tolerations[number];

/** @param pod that is created. */
export function refusePlace({ spec: { nodeName = '' } }: Pod): readonly PodFinding[] {
  if (nodeName === '') return [];
  return [
    {
      code: 'shared-node',
      path: 'spec.nodeName',
      message: `a pod that names the node ${quote(nodeName)} itself passes by the scheduler, and by what keeps it off the nodes that another tenant has to itself`,
      advice: 'remove it, and choose the node by `nodeSelector` or `affinity`',
    },
  ];
}

/** @param isWelcomeAt whether the pod's tenant may be on the nodes of a tenant of this name. */
export function refuseTolerations(
  before: Tolerations = [],
  after: Tolerations = [],
  isWelcomeAt: (host: string) => boolean,
): readonly PodFinding[] {
  const known = new Set(before.map(textOf));
  return after.flatMap((toleration, index) => {
    const finding = known.has(textOf(toleration)) ? undefined : findingOf(toleration, isWelcomeAt);
    return finding === undefined ? [] : [{ code: 'shared-node', path: `spec.tolerations[${index}]`, ...finding }];
  });
}

function findingOf(
  { key = '', operator = 'Equal', value = '' }: Toleration,
  isWelcomeAt: (host: string) => boolean,
): Pick<PodFinding, 'message' | 'advice'> | undefined {
  if (key === '') {
    return {
      message: `a toleration without a key passes by every taint, so by ${quote(dedicatedTaint)} of the nodes that another tenant has to itself`,
      advice: 'name the keys of the taints that the pod tolerates, one toleration each',
    };
  }
  if (key !== dedicatedTaint || (operator === 'Equal' && isWelcomeAt(value))) return undefined;
  return {
    message: `${quote(dedicatedTaint)} is the taint of nodes that a tenant has to itself, and this would be another's pod there`,
    advice:
      "write `operator: Equal` and the name of the pod's own tenant as its `value`, or be named in `spec.dedicatedNodes.sharedWith` of whose the nodes are",
  };
}

function textOf({ key, operator, value, effect }: Toleration): string {
  return JSON.stringify([key, operator, value, effect]);
}
