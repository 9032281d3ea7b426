/** What a container finds in its environment, and how its command is written out: as a kubelet does both. */
import type { KubeReader } from './kube-reader.ts';
import type { ContainerSpec, EnvVar, PodObject } from './pod-spec.ts';

export interface Facts {
  readonly pod: PodObject;
  readonly podIp: string;
  readonly hostIp: string;
  /** Of the API server, as Service `kubernetes` has it. */
  readonly apiService: { readonly address: string; readonly port: number };
}

/** @returns in order: a later variable may refer to an earlier one. @throws where what is referred to is not there. */
export async function environmentOf(
  env: readonly EnvVar[],
  facts: Facts,
  kube: KubeReader,
): Promise<Readonly<Record<string, string>>> {
  const { address, port } = facts.apiService;
  const variables: Record<string, string> = {
    KUBERNETES_SERVICE_HOST: address,
    KUBERNETES_SERVICE_PORT: String(port),
    KUBERNETES_SERVICE_PORT_HTTPS: String(port),
    HOSTNAME: facts.pod.spec.hostname ?? facts.pod.metadata.name,
  };
  for (const { name, value, valueFrom } of env) {
    if (valueFrom === undefined) variables[name] = expand(value ?? '', variables);
    else variables[name] = await referred(valueFrom, facts, kube);
  }
  return variables;
}

/** @returns what comes after the image's own entry, and what stands in its place. */
export function commandOf({ command, args = [] }: ContainerSpec, variables: Readonly<Record<string, string>>) {
  const written = (texts: readonly string[]) => texts.map((text) => expand(text, variables));
  return { command: command && written(command), args: written(args) };
}

/** `$(NAME)` of what is known, as it stands where it is not; `$$` is a dollar. */
function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)/g, (found, name) =>
    found === '$$' ? '$' : (variables[name] ?? found),
  );
}

export function fieldOf(path: string, { pod, podIp, hostIp }: Facts): string {
  const { metadata, spec } = pod;
  const [, mapName, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (mapName === 'labels' || mapName === 'annotations') return metadata[mapName]?.[key ?? ''] ?? '';
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName,
    'status.podIP': podIp,
    'status.podIPs': podIp,
    'status.hostIP': hostIp,
  };
  const value = fields[path];
  if (value === undefined) throw new Error(`a kubelet of the tests knows no field \`${path}\``);
  return value;
}

async function referred(
  { fieldRef, secretKeyRef, configMapKeyRef }: NonNullable<EnvVar['valueFrom']>,
  facts: Facts,
  kube: KubeReader,
): Promise<string> {
  if (fieldRef !== undefined) return fieldOf(fieldRef.fieldPath, facts);
  const { namespace } = facts.pod.metadata;
  const from = secretKeyRef ?? configMapKeyRef;
  if (from === undefined) throw new Error('a variable refers to nothing that a kubelet of the tests knows');
  const files = secretKeyRef ? await kube.secret(namespace, from.name) : await kube.configMap(namespace, from.name);
  const value = files?.get(from.key);
  if (value === undefined) throw new Error(`there is no \`${from.key}\` in \`${namespace}/${from.name}\``);
  return value.toString();
}
