/**
 * A pod without what is ours: what its author wrote. Whoever injects first strips, so that twice is as once, and what a pod
 * claims to be ours is never believed but made anew.
 *
 * Only a pod that says it was injected is stripped. In any other one our names are an accident, to be told.
 */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { containerNames, injectedByAnnotation, probesAnnotation, revisionLabel, volumeNames } from './names.ts';
import { type Container, handlerSchema, type Pod } from './pod.ts';
import { type Originals, restoreProbes } from './probes.ts';
import type { PodFinding } from './problem-of.ts';

const originals = Compile(Type.Record(Type.String(), handlerSchema));

export function strip(pod: Pod): { readonly pod: Pod } | { readonly findings: readonly PodFinding[] } {
  const annotations = pod.metadata?.annotations ?? {};
  if (annotations[injectedByAnnotation] === undefined) {
    const findings = takenNames(pod);
    return findings.length > 0 ? { findings } : { pod };
  }
  const asked = originalsIn(annotations[probesAnnotation]);
  if (asked === undefined) return { findings: [unreadable] };
  const { spec, metadata } = pod;
  const restored = (containers: readonly Container[]) => [
    ...restoreProbes(
      containers.filter(({ name }) => !containerNames.has(name)),
      asked,
    ),
  ];
  return {
    pod: {
      ...pod,
      metadata: {
        ...metadata,
        ...nonEmpty('labels', without(metadata?.labels ?? {}, [revisionLabel]), metadata?.labels),
        ...nonEmpty('annotations', without(annotations, [injectedByAnnotation, probesAnnotation]), annotations),
      },
      spec: {
        ...spec,
        containers: restored(spec.containers),
        ...(spec.initContainers && { initContainers: restored(spec.initContainers) }),
        ...(spec.volumes && { volumes: spec.volumes.filter(({ name }) => !volumeNames.has(name)) }),
      },
    },
  };
}

function takenNames({ spec }: Pod): readonly PodFinding[] {
  const containers = (['containers', 'initContainers'] as const).flatMap((field) =>
    (spec[field] ?? []).flatMap(({ name }, index) =>
      containerNames.has(name) ? [taken(`spec.${field}[${index}].name`, name)] : [],
    ),
  );
  const volumes = (spec.volumes ?? []).flatMap(({ name }, index) =>
    volumeNames.has(name) ? [taken(`spec.volumes[${index}].name`, name)] : [],
  );
  return [...containers, ...volumes];
}

function taken(path: string, name: string): PodFinding {
  return {
    code: 'sidecar-bypass',
    path,
    message: `\`${name}\` is the name of what is injected, and this one was not`,
    advice: 'choose another name; what is injected need not be written',
  };
}

const unreadable: PodFinding = {
  code: 'bad-value',
  path: `metadata.annotations.${probesAnnotation}`,
  message: 'what the probes were before the pod was injected cannot be read',
  advice: `remove the annotations that begin with \`coffre.dev/\`, and write the probes as the application answers them`,
};

function originalsIn(text = '{}'): Originals | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return originals.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function without(map: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
}

/** An author who wrote no labels gets none back, not an empty map. */
function nonEmpty(field: 'labels' | 'annotations', map: Record<string, string>, before: object | undefined) {
  return before === undefined || Object.keys(map).length === 0 ? { [field]: undefined } : { [field]: map };
}
