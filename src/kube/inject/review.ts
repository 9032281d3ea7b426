/** What is common to every look at a request about a pod. */
import { quote } from '../../model/quote.ts';
import type { AdmissionRequest } from '../admission.ts';
import { readPod } from './pod.ts';
import type { PodFinding, PodRef } from './problem-of.ts';

/** A pod that a controller makes has no name yet: it is known by what its name will begin with. */
export function refOf({ namespace = '', name = '', object }: AdmissionRequest): PodRef {
  const read = readPod(object);
  const generateName = 'pod' in read ? read.pod.metadata?.generateName : undefined;
  return { namespace, name: name !== '' || generateName === undefined ? name : `${generateName}*` };
}

export function wrongShape(path: string): PodFinding {
  return {
    code: 'wrong-type',
    path,
    message: `this is no pod that can be read, at ${quote(path)}`,
    advice: 'compare it with the reference of Kubernetes',
  };
}
