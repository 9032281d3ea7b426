/**
 * The authorization workers. Sidecars ask them for every request, so one that leaves does so in an order:
 *
 *   pod is to go ──▶ no new sidecar is led to it ──preStop──▶ SIGTERM ──▶ says goodbye beside each answer ──▶ ends
 */
import { tokenAudience } from '../../identity/token-claims.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import { rootFile, tokenFile } from '../inject/mesh-config-map.ts';
import { meshConfigMapName } from '../inject/names.ts';
import type { KubeObject } from '../objects.ts';
import { authzName, authzPort, controlPlaneName, healthPort, metadata, ports, selectorOf } from './parts.ts';
import { anyAddress, containerPort, podTemplate } from './pods.ts';
import type { Values } from './values.ts';

/** After SIGTERM it answers for one second more and lets open checks end in another; what it decided is then written out. In s. */
const stopSeconds = 10;
/** As long as Kubernetes lets a token of a service account live at least, and no longer; the kubelet renews it at 80 %. In s. */
const tokenSeconds = 3_600;
/** Where the worker looks for `secrets/`. */
const filesPath = '/var/run/coffre';
const volumePath = '/var/lib/coffre';
/** In the volume, which is another user's: this folder it makes itself, and for itself alone. */
const statePath = `${volumePath}/state`;

export function authzDeployment(values: Values): KubeObject {
  const { authz, logLevel } = values;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(authzName),
    spec: {
      replicas: authz.replicas,
      // One more before one less: there is always somebody to ask.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selectorOf(authzName) },
      template: podTemplate(values, {
        name: authzName,
        rolloutLabel: 'pod-template-hash',
        placed: authz,
        asksApiServer: false,
        stopSeconds,
        container: {
          name: authzName,
          args: [
            'src/worker.ts',
            `--xds=${controlPlaneName}.${systemNamespace}.svc:${ports.xds}`,
            `--files=${filesPath}`,
            `--listen=${anyAddress(values, authzPort)}`,
            `--state=${statePath}`,
            `--health=${anyAddress(values, healthPort)}`,
            `--log-level=${logLevel}`,
          ],
          ports: [containerPort('authz', authzPort), containerPort('health', healthPort)],
          volumeMounts: [
            { name: 'identity', mountPath: `${filesPath}/secrets`, readOnly: true },
            { name: 'state', mountPath: volumePath },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
        volumes: [
          {
            name: 'identity',
            projected: {
              // Of the group that the pod runs in: the token is nobody else's.
              defaultMode: 0o440,
              sources: [
                { serviceAccountToken: { audience: tokenAudience, expirationSeconds: tokenSeconds, path: tokenFile } },
                { configMap: { name: meshConfigMapName, items: [{ key: rootFile, path: rootFile }] } },
              ],
            },
          },
          { name: 'state', emptyDir: { sizeLimit: '256Mi' } },
          { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
        ],
      }),
    },
  };
}
