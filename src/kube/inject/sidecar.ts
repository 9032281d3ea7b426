/**
 * The sidecar as a native one: an init container that is restarted always, ready before the application starts, and alive
 * until after it has ended. It satisfies restricted Pod Security.
 *
 * Its bootstrap travels in its environment, because a pod's spec cannot be changed afterwards and a file in a ConfigMap can;
 * the kubelet puts the pod's own name into it. So any image with an `envoy` in it will do.
 */

import { bootstrapFor } from '../../envoy/bootstrap.ts';
import { type ApplicationProbe, readyPath } from '../../envoy/health-listener.ts';
import { sdsFileNames } from '../../identity/sds-files.ts';
import { tokenAudience } from '../../identity/token-claims.ts';
import { healthPort } from '../../model/ports.ts';
import { identityPath, rootFile, tokenFile } from './mesh-config-map.ts';
import { identityVolume, meshConfigMapName, noTokenVolume, runVolume, sidecarName } from './names.ts';
import type { Container } from './pod.ts';
import type { InjectSettings } from './settings.ts';

export interface SidecarOf {
  readonly tenant: string;
  /** Of `sidecarUsers`. */
  readonly user: number;
  readonly probes: readonly ApplicationProbe[];
  /** That the pod has to stop in, in s. */
  readonly graceSeconds: number;
}

/** Longest wait for a sidecar's first configuration, in s; then it is restarted. Envoy waits 15 s for each kind of resource, 60 s in all without a control plane (measured). */
const startSeconds = 120;
/** Life of a token, in s: the kubelet renews it at 80 % of that. */
const tokenSeconds = 3_600;
/** Where a kubelet would put a token for the API server. */
const apiTokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const runPath = '/var/run/coffre/run';

/** Written out although they are Kubernetes' own: what was injected can then be compared with what is there. */
export const containerDefaults = {
  imagePullPolicy: 'IfNotPresent',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
} as const;

export const noApiToken = { name: noTokenVolume, mountPath: apiTokenPath, readOnly: true } as const;

export function sidecarContainer(settings: InjectSettings, sidecar: SidecarOf) {
  const { user, graceSeconds } = sidecar;
  const seconds = Math.min(settings.drainSeconds, graceSeconds);
  const stop: Pick<Container, 'lifecycle'> = seconds === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds } } } };
  return {
    name: sidecarName,
    image: settings.envoyImage,
    ...containerDefaults,
    restartPolicy: 'Always',
    command: ['envoy'],
    args: [
      '--config-yaml',
      '$(COFFRE_BOOTSTRAP)',
      '--disable-hot-restart',
      '--concurrency',
      '2',
      '--drain-time-s',
      '1',
      '--drain-strategy',
      'immediate',
      '--file-flush-interval-msec',
      '50',
    ],
    env: [
      fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
      fieldEnv('POD_NAME', 'metadata.name'),
      { name: 'COFFRE_BOOTSTRAP', value: bootstrapText(settings, sidecar) },
    ],
    ports: [{ name: 'coffre-health', containerPort: healthPort, protocol: 'TCP' }],
    startupProbe: {
      httpGet: { path: readyPath, port: healthPort, scheme: 'HTTP' },
      periodSeconds: 1,
      timeoutSeconds: 1,
      successThreshold: 1,
      failureThreshold: startSeconds,
    },
    // Callers hear late that a pod goes: until then its sidecar answers, even if the application is gone at once.
    ...stop,
    resources: { requests: settings.requests, limits: settings.limits },
    securityContext: {
      runAsUser: user,
      runAsGroup: user,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: identityVolume, mountPath: identityPath, readOnly: true },
      { name: runVolume, mountPath: runPath },
      noApiToken,
    ],
  };
}

export function sidecarVolumes() {
  const files = [rootFile, sdsFileNames.root, sdsFileNames.token];
  return [
    {
      name: identityVolume,
      projected: {
        defaultMode: 0o444,
        sources: [
          { serviceAccountToken: { audience: tokenAudience, expirationSeconds: tokenSeconds, path: tokenFile } },
          { configMap: { name: meshConfigMapName, items: files.map((key) => ({ key, path: key })) } },
        ],
      },
    },
    { name: runVolume, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    { name: noTokenVolume, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
  ];
}

/** Whatever looks like a reference of Kubernetes' in it is text, but for the pod's own name. */
function bootstrapText({ controlPlane, serverName }: InjectSettings, { tenant, probes }: SidecarOf): string {
  const name = 'NAME OF THIS POD';
  const bootstrap = bootstrapFor({
    nodeId: name,
    nodeCluster: tenant,
    controlPlane,
    serverName,
    adminSocket: `${runPath}/admin.sock`,
    files: {
      rootSds: `${identityPath}/${sdsFileNames.root}`,
      tokenSds: `${identityPath}/${sdsFileNames.token}`,
      watched: identityPath,
    },
    bypass: { kind: 'user' },
    probes,
  });
  return JSON.stringify(bootstrap).replaceAll('$', '$$$$').replace(`"${name}"`, '"$(POD_NAMESPACE)/$(POD_NAME)"');
}

function fieldEnv(name: string, fieldPath: string) {
  return { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } };
}
