/**
 * Restricted Pod Security, naively: written from the page of the standards, control by control, and without a look at ours.
 * Source: kubernetes.io/docs/concepts/security/pod-security-standards, version 1.36.
 */
type Any = Readonly<Record<string, never>> & { readonly [key: string]: unknown };

const volumeTypes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** @returns what is wrong, one line each; of the containers named in `except` nothing is asked. */
export function unrestricted(spec: object, except: ReadonlySet<string> = new Set()): string[] {
  const pod = spec as Any;
  const wrong: string[] = [];
  const say = (isWrong: boolean, line: string) => {
    if (isWrong) wrong.push(line);
  };
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) say(pod[field] === true, field);
  for (const volume of (pod['volumes'] ?? []) as Any[]) {
    const types = Object.keys(volume).filter((key) => key !== 'name');
    say(
      types.some((type) => !volumeTypes.includes(type)),
      `volume ${types}`,
    );
  }
  const podContext = (pod['securityContext'] ?? {}) as Any;
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of (pod[list] ?? []) as Any[]) {
      const name = String(container['name']);
      if (except.has(name)) continue;
      const context = (container['securityContext'] ?? {}) as Any;
      const { add = [], drop = [] } = (context['capabilities'] ?? {}) as { add?: string[]; drop?: string[] };
      const either = (key: string) => context[key] ?? podContext[key];
      const profile = either('seccompProfile') as { type?: string } | undefined;
      say(context['privileged'] === true, `${name} privileged`);
      say(context['allowPrivilegeEscalation'] !== false, `${name} allowPrivilegeEscalation`);
      say(either('runAsNonRoot') !== true, `${name} runAsNonRoot`);
      say(either('runAsUser') === 0, `${name} runAsUser`);
      say(!drop.includes('ALL'), `${name} drop`);
      say(
        add.some((capability) => capability !== 'NET_BIND_SERVICE'),
        `${name} add`,
      );
      say(!['RuntimeDefault', 'Localhost'].includes(profile?.type ?? ''), `${name} seccomp`);
      for (const port of (container['ports'] ?? []) as Any[]) say((port['hostPort'] ?? 0) !== 0, `${name} hostPort`);
    }
  }
  return wrong;
}
