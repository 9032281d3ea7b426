/**
 * What a pod without a sidecar may not be: a way into its node, where every tenant's sidecars have their keys.
 *
 * To be without one is a right of agents of a node, which have its network and its ports. It is no right to the node. So
 * this is what baseline Pod Security refuses, less these two; paths of the node are the volume wall's.
 */
import { quote } from '../../model/quote.ts';
import { confinementFindings, handlersOf, hostOfHandlerFindings, plainCapability, refuse } from './dangers.ts';
import type { Container, Pod } from './pod.ts';
import type { PodFinding } from './problem-of.ts';

/** Those that a container runtime gives by itself, or gave: baseline Pod Security lets a pod name them. */
const usualCapabilities: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const advice = 'remove it, or let a caretaker of the mesh create the pod';

/** @param pod without anything of ours. */
export function dangersToNode({ spec }: Pod): readonly PodFinding[] {
  const { hostPID, hostIPC, securityContext } = spec;
  return [
    ...refuse(hostPID === true, 'spec.hostPID', 'a pod that sees every process of its node holds its keys', advice),
    ...refuse(hostIPC === true, 'spec.hostIPC', 'a pod that shares the memory of its node is no wall', advice),
    ...confinementFindings('spec.securityContext', securityContext),
    ...(['initContainers', 'containers'] as const).flatMap((field) =>
      (spec[field] ?? []).flatMap((container, index) => containerFindings(container, `spec.${field}[${index}]`)),
    ),
  ];
}

function containerFindings(container: Container, path: string): readonly PodFinding[] {
  const { privileged, procMount, capabilities = {}, ...context } = container.securityContext ?? {};
  const at = `${path}.securityContext`;
  const added = (capabilities.add ?? []).map(plainCapability).filter((name) => !usualCapabilities.has(name));
  return [
    ...refuse(privileged === true, `${at}.privileged`, 'a privileged container is root on its node', advice),
    ...refuse(
      added.length > 0,
      `${at}.capabilities.add`,
      `with ${quote(added.join(', '))} a container has more ways into its node than baseline Pod Security lets it have`,
      advice,
    ),
    ...refuse(
      procMount !== undefined && procMount !== 'Default',
      `${at}.procMount`,
      'an unmasked `/proc` lets a container see and change what is not its own',
      advice,
    ),
    ...confinementFindings(at, context),
    ...handlersOf(container).flatMap(([field, handler]) => hostOfHandlerFindings(`${path}.${field}`, handler)),
  ];
}
