/** `kubectl exec` and `attach`: whoever runs a program in the sidecar is its user, whose connections are not intercepted. */
import Type from 'typebox';
import { Value } from 'typebox/value';
import { quote } from '../../model/quote.ts';
import { containerNames } from './names.ts';
import type { PodFinding } from './problem-of.ts';

const options = Type.Object({ container: Type.Optional(Type.String()) });

/** @param object PodExecOptions or PodAttachOptions; without a container an API server chooses the pod's first, which is an application. */
export function refuseStep(object: unknown, subResource: string): readonly PodFinding[] {
  if (!Value.Check(options, object)) return [];
  const { container = '' } = object;
  if (!containerNames.has(container)) return [];
  return [
    {
      code: 'sidecar-bypass',
      path: 'container',
      message: `${quote(subResource)} into ${quote(container)} would be a way past it, with the identity of the pod`,
      advice: 'name a container of the application; `coffre proxy` shows what a sidecar holds',
    },
  ];
}
