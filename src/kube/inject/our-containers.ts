/** Containers of a pod that bear our names, whoever put them there: those that run first come first. */
import { containerNames } from './names.ts';
import type { Container, Pod } from './pod.ts';

export function ourContainers({ spec }: Pick<Pod, 'spec'>): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers].filter(({ name }) => containerNames.has(name));
}
