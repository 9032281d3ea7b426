/**
 * What a pod may not be, because its sidecar would then be a suggestion.
 *
 * The sidecar is a wall because the pod's rules tell it apart by its user, and because nobody in the pod may change the
 * rules, become that user, see its memory or its files, or stand outside of the pod's own network. Each refusal is one of
 * these. It holds whatever Pod Security the namespace enforces: that of an injected pod must let the redirection pass, and
 * so could let the application have as much.
 */
import { tokenAudience } from '../../identity/token-claims.ts';
import { reservedPorts } from '../../model/ports.ts';
import { quote } from '../../model/quote.ts';
import { captureAnnotation, volumeNames } from './names.ts';
import type { Container, EphemeralContainer, Handler, Pod } from './pod.ts';
import type { PodFinding } from './problem-of.ts';
import { sidecarUsers } from './settings.ts';

/** The only capability that helps nobody past a sidecar, and that restricted Pod Security allows. */
const harmlessCapability = 'NET_BIND_SERVICE';

/** @param pod as its author wrote it. */
export function dangersOf({ spec, metadata }: Pod): readonly PodFinding[] {
  return [
    ...hostFindings(spec),
    ...windowsFindings(spec),
    ...captureFindings(metadata?.annotations ?? {}),
    ...userFindings('spec.securityContext.runAsUser', spec.securityContext?.runAsUser),
    ...confinementFindings('spec.securityContext', spec.securityContext),
    ...(spec.volumes ?? []).flatMap(tokenFindings),
    ...(['initContainers', 'containers'] as const).flatMap((field) =>
      (spec[field] ?? []).flatMap((container, index) => containerDangers(container, `spec.${field}[${index}]`)),
    ),
  ];
}

/** @param path of the container in the pod. */
export function containerDangers(container: Container | EphemeralContainer, path: string): readonly PodFinding[] {
  const { securityContext = {}, ports = [], volumeMounts = [] } = container;
  const { capabilities = {}, allowPrivilegeEscalation, privileged, procMount, runAsUser } = securityContext;
  const at = `${path}.securityContext`;
  const added = (capabilities.add ?? []).map(plainCapability).filter((name) => name !== harmlessCapability);
  const drops = (capabilities.drop ?? []).map(plainCapability);
  return [
    ...refuse(
      privileged === true,
      `${at}.privileged`,
      'a privileged container can change the rules of its pod',
      'remove it',
    ),
    ...refuse(
      added.length > 0,
      `${at}.capabilities.add`,
      `with ${quote(added.join(', '))} a container could get past its sidecar`,
      `remove it; only ${quote(harmlessCapability)} may be added`,
    ),
    ...refuse(
      !drops.includes('ALL'),
      `${at}.capabilities.drop`,
      'a container keeps NET_RAW and SETUID unless it drops them, and with these gets past its sidecar',
      'write `capabilities: {drop: [ALL]}`',
    ),
    ...refuse(
      allowPrivilegeEscalation !== false,
      `${at}.allowPrivilegeEscalation`,
      'a container that may gain privileges can become the user of its sidecar',
      'write `allowPrivilegeEscalation: false`',
    ),
    ...refuse(
      procMount !== undefined && procMount !== 'Default',
      `${at}.procMount`,
      'an unmasked `/proc` lets a container see and change what is not its own',
      'remove it',
    ),
    ...userFindings(`${at}.runAsUser`, runAsUser),
    ...confinementFindings(at, securityContext),
    ...ports.flatMap(({ containerPort, hostPort = 0 }, index) => [
      ...portFindings(`${path}.ports[${index}].containerPort`, containerPort),
      ...refuse(
        hostPort !== 0,
        `${path}.ports[${index}].hostPort`,
        'a port of the node is taken from whoever else is asked there, the node itself included',
        'remove it, and be asked through a service',
      ),
    ]),
    ...volumeMounts.flatMap(({ name }, index) =>
      refuse(
        volumeNames.has(name),
        `${path}.volumeMounts[${index}].name`,
        `${quote(name)} holds what makes the pod who it is, for its sidecar alone`,
        'mount a volume of your own',
      ),
    ),
    ...handlersOf(container).flatMap(([field, handler]) => handlerFindings(`${path}.${field}`, handler)),
  ];
}

function hostFindings({ hostNetwork, hostPID, hostIPC, shareProcessNamespace }: Pod['spec']): readonly PodFinding[] {
  return [
    ...refuse(
      hostNetwork === true,
      'spec.hostNetwork',
      'in the network of its node a pod has no sidecar, and the address of everybody there',
      'remove it, or ask those who run the mesh to let its service account be without a sidecar',
    ),
    ...refuse(
      hostPID === true,
      'spec.hostPID',
      'a pod that sees every process of its node sees its sidecar',
      'remove it',
    ),
    ...refuse(hostIPC === true, 'spec.hostIPC', 'a pod that shares the memory of its node is no wall', 'remove it'),
    ...refuse(
      shareProcessNamespace === true,
      'spec.shareProcessNamespace',
      'an application that sees the processes of its pod can reach into its sidecar',
      'remove it; containers may share a volume or loopback instead',
    ),
  ];
}

function windowsFindings({ os, nodeSelector = {} }: Pod['spec']): readonly PodFinding[] {
  const isWindows = os?.name === 'windows' || nodeSelector['kubernetes.io/os'] === 'windows';
  return refuse(
    isWindows,
    'spec.os',
    'there is no sidecar for Windows, and without one nobody may speak for a tenant',
    "run it outside the tenant's namespace",
  );
}

/** Outside a cluster a machine may do without interception; in one this would be a way to do without the wall. */
function captureFindings(annotations: Readonly<Record<string, string>>): readonly PodFinding[] {
  const capture = annotations[captureAnnotation];
  return refuse(
    capture !== undefined && capture !== 'transparent',
    `metadata.annotations.${captureAnnotation}`,
    'a pod whose connections are not intercepted can leave its sidecar out',
    'remove it; it is for machines outside the cluster',
  );
}

function userFindings(path: string, user: number | undefined): readonly PodFinding[] {
  const { first, last } = sidecarUsers;
  return refuse(
    user !== undefined && user >= first && user <= last,
    path,
    `the users ${first} to ${last} are for sidecars, whose connections are not intercepted`,
    'choose another user',
  );
}

/** The namespace's own Pod Security must let the redirection pass, so what it would refuse of these is refused here. */
export function confinementFindings(at: string, context: Container['securityContext'] = {}): readonly PodFinding[] {
  const { seccompProfile, appArmorProfile, seLinuxOptions = {}, windowsOptions = {} } = context;
  const message = 'what its node confines less than others has more ways into the node, and so past its sidecar';
  const loose = Object.entries({ seccompProfile, appArmorProfile }).filter(([, each]) => each?.type === 'Unconfined');
  const isOther = ['user', 'role', 'type'].some((key) => (seLinuxOptions[key] ?? '') !== '');
  const isOfNode = windowsOptions.hostProcess === true;
  const fields = [
    ...loose.map(([field]) => field),
    ...(isOther ? ['seLinuxOptions'] : []),
    ...(isOfNode ? ['windowsOptions.hostProcess'] : []),
  ];
  return fields.flatMap((field) => refuse(true, `${at}.${field}`, message, 'remove it, or leave it to the node'));
}

function portFindings(path: string, port: number): readonly PodFinding[] {
  const { first, last } = reservedPorts;
  const isOurs = port >= first && port <= last;
  if (!isOurs) return [];
  const message = `the port \`${port}\` belongs to the sidecar`;
  return [{ code: 'reserved-port', path, message, advice: `choose a port outside ${first} to ${last}` }];
}

/** A token for us in the application's hands would make it its own sidecar. */
function tokenFindings({ projected }: NonNullable<Pod['spec']['volumes']>[number], index: number) {
  return (projected?.sources ?? []).flatMap(({ serviceAccountToken }, source) =>
    refuse(
      serviceAccountToken?.audience === tokenAudience,
      `spec.volumes[${index}].projected.sources[${source}].serviceAccountToken.audience`,
      `a token for ${quote(tokenAudience)} is what the sidecar proves the pod's identity by, and for nobody else`,
      'ask for a token for whom the application speaks to',
    ),
  );
}

type HandlerField = readonly [field: string, handler: Handler | undefined];

export function handlersOf({
  livenessProbe,
  readinessProbe,
  startupProbe,
  lifecycle,
}: Container): readonly HandlerField[] {
  return [
    ['livenessProbe', livenessProbe],
    ['readinessProbe', readinessProbe],
    ['startupProbe', startupProbe],
    ['lifecycle.postStart', lifecycle?.postStart],
    ['lifecycle.preStop', lifecycle?.preStop],
  ];
}

/** A kubelet can be told to ask anything, at any port: not the sidecar, in the application's name. A named port is found where it is declared. */
function handlerFindings(path: string, handler: Handler | undefined): readonly PodFinding[] {
  const asked = handler?.httpGet?.port ?? handler?.tcpSocket?.port ?? handler?.grpc?.port;
  return [...hostOfHandlerFindings(path, handler), ...(asked === undefined ? [] : portFindings(path, Number(asked)))];
}

/** A kubelet asks from the network of its node, with any headers: its loopback, a metadata service, a neighbour. */
export function hostOfHandlerFindings(path: string, { httpGet, tcpSocket }: Handler = {}): readonly PodFinding[] {
  return Object.entries({ httpGet, tcpSocket }).flatMap(([field, asked]) =>
    refuse(
      (asked?.host ?? '') !== '',
      `${path}.${field}.host`,
      'a kubelet would ask whatever address is named, in the name of its node',
      'remove it, and the pod itself is asked; or ask by `exec`',
    ),
  );
}

/** `CAP_NET_RAW` and `net_raw` are the same to a container runtime. */
export function plainCapability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '');
}

export function refuse(isSo: boolean, path: string, message: string, advice: string): readonly PodFinding[] {
  return isSo ? [{ code: 'sidecar-bypass', path, message, advice }] : [];
}
