/**
 * Who answers for each port of a service: the pods it selects, or those its EndpointSlices name.
 *
 * Either way only workloads of the service's own tenant: a selector cannot reach further, and an address in a slice is
 * a claim of whoever may write there.
 */
import { canonicalIp } from '../ip-address.ts';
import type { EndpointSliceObject } from '../kinds/endpoint-slice.ts';
import type { PodObject } from '../kinds/pod.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Endpoint, Workload } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import type { PodIndex } from './pod-index.ts';
import { type DeclaredPort, isReserved, reserved } from './service-ports.ts';
import type { PodWorkload } from './workloads.ts';

/** @param pods of the service's tenant, sorted. @returns by workload, sorted, for one port each. */
export function selectedEndpoints(
  source: ValidObject<'Service'>,
  port: DeclaredPort,
  selected: readonly PodWorkload[],
  problems: ProblemList,
): Endpoint[] {
  return selected.flatMap(({ workload, pod }) => {
    const number = typeof port.target === 'number' ? port.target : containerPort(pod.object, port.target);
    const path = `${port.path}.targetPort`;
    if (number === undefined) {
      problems.warning(source, {
        code: 'dangling-reference',
        path,
        message: `the pod ${quote(workload.name)} has no container port named ${quote(String(port.target))}, so it is not called`,
        advice: 'name the port in the pod, or write its number here',
      });
      return [];
    }
    if (isReserved(number)) {
      problems.error(source, reserved(path, number));
      return [];
    }
    return [endpointOf(workload, number, workload.ready)];
  });
}

/** @param selector absent selects nobody: such a service lives by its slices alone. */
export function selectPods(
  source: ValidObject<'Service'>,
  pods: PodIndex,
  problems: ProblemList,
): readonly PodWorkload[] {
  const selected = pods.selectedBy(source.object.spec.selector ?? {});
  if (selected.length === 0) {
    problems.warning(source, {
      code: 'dangling-reference',
      path: 'spec.selector',
      message: 'the service selects no pod of its namespace, so nobody answers',
      advice: 'compare the selector with the labels of the pods',
    });
  }
  return selected;
}

function containerPort({ spec }: PodObject, name: string): number | undefined {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  return containers.flatMap(({ ports }) => ports ?? []).find((port) => port.name === name)?.containerPort;
}

export function slicedEndpoints(
  slices: readonly ValidObject<'EndpointSlice'>[],
  port: DeclaredPort,
  pods: PodIndex,
  problems: ProblemList,
): Endpoint[] {
  const endpoints = new Map<string, Endpoint>();
  for (const source of slices) {
    const slicePortIndex = (source.object.ports ?? []).findIndex(({ name = '' }) => name === port.name);
    const number = source.object.ports?.[slicePortIndex]?.port;
    if (number === undefined) continue;
    if (isReserved(number)) {
      problems.error(source, reserved(`ports[${slicePortIndex}].port`, number));
      continue;
    }
    for (const [index, endpoint] of (source.object.endpoints ?? []).entries()) {
      const workload = workloadOf(endpoint, pods);
      if (workload === undefined) {
        problems.warning(source, {
          code: 'dangling-reference',
          path: `endpoints[${index}]`,
          message: 'the endpoint is no workload of this tenant, so it has no identity and is not called',
          advice: 'name a pod of this namespace',
        });
        continue;
      }
      const ready = endpoint.conditions?.ready !== false || endpoints.get(workload.key)?.ready === true;
      endpoints.set(workload.key, endpointOf(workload, number, ready));
    }
  }
  return [...endpoints.values()].sort((left, right) => (left.workload < right.workload ? -1 : 1));
}

type SliceEndpoint = NonNullable<EndpointSliceObject['endpoints']>[number];

function workloadOf({ targetRef, addresses }: SliceEndpoint, pods: PodIndex): Workload | undefined {
  if (targetRef?.kind === 'Pod' && targetRef.name !== undefined) return pods.named(targetRef.name);
  const [first] = addresses;
  return pods.at(canonicalIp(first ?? '') ?? '');
}

function endpointOf(workload: Workload, port: number, ready: boolean): Endpoint {
  return { workload: workload.key, address: workload.addresses[0] ?? '', port, ready };
}
