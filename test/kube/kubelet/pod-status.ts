/** What a kubelet says of a pod, as the API server keeps it. */
import { imageIdOf } from './image.ts';
import type { ContainerSpec } from './pod-spec.ts';
import type { Supervised } from './supervised.ts';

export interface PodState {
  readonly podIp: string;
  readonly hostIp: string;
  readonly startedAt: string;
  readonly initial: readonly Initial[];
  readonly usual: readonly (readonly [ContainerSpec, Supervised | undefined])[];
  /** Why the pod does not come up, where it does not. */
  readonly trouble: string;
}

/** An init container: one that stays, or one that ends. */
export type Initial =
  | { readonly kind: 'sidecar'; readonly spec: ContainerSpec; readonly supervised: Supervised | undefined }
  | { readonly kind: 'once'; readonly spec: ContainerSpec; readonly ended: number | undefined };

export function podStatus({ podIp, hostIp, startedAt, initial, usual, trouble }: PodState): object {
  const isInitialized = initial.every((each) =>
    each.kind === 'once' ? each.ended === 0 : each.supervised?.started === true,
  );
  const staying = [...initial.flatMap((each) => (each.kind === 'sidecar' ? [each.supervised] : []))];
  const isReady = [...staying, ...usual.map(([, supervised]) => supervised)].every((each) => each?.ready === true);
  const isRunning = usual.some(([, supervised]) => supervised !== undefined);
  const condition = (type: string, holds: boolean) => ({
    type,
    status: holds ? 'True' : 'False',
    ...(holds || trouble === '' ? {} : { reason: 'Trouble', message: trouble }),
  });
  return {
    phase: isRunning ? 'Running' : 'Pending',
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    startTime: startedAt,
    conditions: [
      condition('PodScheduled', true),
      condition('PodReadyToStartContainers', true),
      condition('Initialized', isInitialized),
      condition('ContainersReady', isReady),
      condition('Ready', isReady),
    ],
    initContainerStatuses: initial.map((each) =>
      each.kind === 'sidecar' ? staysStatus(each.spec, each.supervised) : onceStatus(each.spec, each.ended),
    ),
    containerStatuses: usual.map(([spec, supervised]) => staysStatus(spec, supervised)),
  };
}

function staysStatus({ name, image }: ContainerSpec, supervised: Supervised | undefined): object {
  const { container, started = false, ready = false, restarts = 0 } = supervised ?? {};
  const state = container?.isRunning
    ? { running: { startedAt: container.startedAt } }
    : { waiting: { reason: 'ContainerCreating' } };
  return { name, image, imageID: imageIdOf(image), ready, started, restartCount: restarts, state };
}

function onceStatus({ name, image }: ContainerSpec, exitCode: number | undefined): object {
  const state = exitCode === undefined ? { waiting: { reason: 'PodInitializing' } } : { terminated: { exitCode } };
  return { name, image, imageID: imageIdOf(image), ready: exitCode === 0, started: false, restartCount: 0, state };
}
