/**
 * Injection: a pod in, and the pod with its sidecar out, or why there can be none.
 *
 *   pod ──strip──▶ author's pod ──wish, dangers──▶ ──divert probes──▶ ──prepend redirect, sidecar, volumes──▶ pod
 *
 * Of the application's containers nothing changes but where the kubelet asks. The redirection comes first and the sidecar
 * second, before init containers of the author's: those, too, speak through it.
 */
import { dangersOf } from './dangers.ts';
import { dangersToNode } from './dangers-to-node.ts';
import { injectedByAnnotation, probesAnnotation, revisionLabel } from './names.ts';
import { optOutOf } from './opt-out.ts';
import type { Container, Pod } from './pod.ts';
import { divertProbes, originalsText, probesMax } from './probes.ts';
import type { PodFinding } from './problem-of.ts';
import { redirectContainer } from './redirect-container.ts';
import type { InjectSettings } from './settings.ts';
import { sidecarContainer, sidecarVolumes } from './sidecar.ts';
import { strip } from './strip.ts';

export type Injection =
  | { readonly kind: 'injected'; readonly pod: Pod }
  /** By right without a sidecar; without anything of ours, either. */
  | { readonly kind: 'left'; readonly pod: Pod }
  | { readonly kind: 'refused'; readonly findings: readonly PodFinding[] };

export interface InjectionOf {
  readonly namespace: string;
  readonly tenant: string;
  /** Of `sidecarUsers`, drawn for this pod. */
  readonly sidecarUser: number;
  /** Whether a caretaker writes it, who may let a pod without a sidecar into its node. */
  readonly byCaretaker?: boolean;
}

/** Kubernetes' own, in s. */
const defaultGraceSeconds = 30;

export function injectPod(given: Pod, settings: InjectSettings, of: InjectionOf): Injection {
  const stripped = strip(given);
  if ('findings' in stripped) return { kind: 'refused', findings: stripped.findings };
  const { pod } = stripped;
  const wish = optOutOf(pod, of.namespace, settings);
  if (wish.kind === 'allowed') {
    const findings = of.byCaretaker === true ? [] : dangersToNode(pod);
    return findings.length > 0 ? { kind: 'refused', findings } : { kind: 'left', pod };
  }
  const { spec, metadata } = pod;
  const initial = divertProbes(spec.initContainers ?? [], 'initContainers');
  const usual = divertProbes(spec.containers, 'containers');
  const probes = [...initial.probes, ...usual.probes];
  const findings = [
    ...(wish.kind === 'refused' ? [wish.finding] : []),
    ...dangersOf(pod),
    ...initial.findings,
    ...usual.findings,
    ...(probes.length > probesMax ? [tooManyProbes(probes.length)] : []),
  ];
  if (findings.length > 0) return { kind: 'refused', findings };
  const sidecar = {
    tenant: of.tenant,
    user: of.sidecarUser,
    probes,
    graceSeconds: spec.terminationGracePeriodSeconds ?? defaultGraceSeconds,
  };
  const ours: readonly Container[] = [redirectContainer(settings, of.sidecarUser), sidecarContainer(settings, sidecar)];
  return {
    kind: 'injected',
    pod: {
      ...pod,
      metadata: {
        ...metadata,
        labels: { ...metadata?.labels, [revisionLabel]: settings.revision },
        annotations: {
          ...metadata?.annotations,
          [injectedByAnnotation]: `coffre/${settings.version}`,
          [probesAnnotation]: originalsText({ ...initial.originals, ...usual.originals }),
        },
      },
      spec: {
        ...spec,
        // Kubernetes' own default, without which it takes no token in a volume.
        serviceAccountName: spec.serviceAccountName ?? 'default',
        volumes: [...sidecarVolumes(), ...(spec.volumes ?? [])],
        initContainers: [...ours, ...initial.containers],
        containers: [...usual.containers],
      },
    },
  };
}

function tooManyProbes(count: number): PodFinding {
  return {
    code: 'unsupported-value',
    path: 'spec.containers',
    message: `the sidecar would have to answer ${count} probes, more than ${probesMax}`,
    advice: 'ask fewer, or by `exec`',
  };
}
