/**
 * What the pods of both parts have in common: restricted Pod Security, nothing to write but what is mounted, and
 * nodes of their own where there are some.
 */
import { leaveSeconds, partOf, priorityName, selectorOf } from './parts.ts';
import type { Placed, Values } from './values.ts';

/** Whom the image's files are readable by, and no more. As the image says. */
const user = 65_532;

export interface PodOf {
  readonly name: string;
  /** Label by which Kubernetes tells one roll-out of it from the next. */
  readonly rolloutLabel: 'controller-revision-hash' | 'pod-template-hash';
  readonly placed: Placed;
  /** Whether it gets its account's token for the API server. */
  readonly asksApiServer: boolean;
  /** Time that it takes to stop at most, in s; then it is killed. */
  readonly stopSeconds: number;
  readonly container: Readonly<Record<string, unknown>>;
  readonly volumes: readonly object[];
}

export function podTemplate({ images, spread }: Values, pod: PodOf) {
  const { name, rolloutLabel, placed, asksApiServer, stopSeconds, container, volumes } = pod;
  const { nodeSelector, tolerations, resources } = placed;
  return {
    metadata: { labels: { ...partOf, ...selectorOf(name) } },
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: asksApiServer,
      priorityClassName: priorityName,
      terminationGracePeriodSeconds: leaveSeconds + stopSeconds,
      // The addresses of every Service of the namespace, as variables: nobody reads them here.
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: user,
        runAsGroup: user,
        fsGroup: user,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(images.pullSecrets.length === 0
        ? {}
        : { imagePullSecrets: images.pullSecrets.map((secret) => ({ name: secret })) }),
      topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: spread === 'required' ? 'DoNotSchedule' : 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(name) },
        // Each roll-out is spread by itself: what is leaving takes no place.
        matchLabelKeys: [rolloutLabel],
      })),
      ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
      ...(tolerations.length === 0 ? {} : { tolerations }),
      containers: [
        {
          image: images.coffre,
          imagePullPolicy: 'IfNotPresent',
          resources,
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          ...container,
          readinessProbe: { httpGet: { path: '/ready', port: 'health' }, periodSeconds: 2, failureThreshold: 2 },
          // A process whose event loop stands still for a minute will not find back by itself.
          livenessProbe: {
            httpGet: { path: '/live', port: 'health' },
            periodSeconds: 10,
            timeoutSeconds: 5,
            failureThreshold: 6,
          },
          lifecycle: { preStop: { sleep: { seconds: leaveSeconds } } },
        },
      ],
      volumes,
    },
  };
}

/** Where a container of both kinds listens, for who reads its spec. */
export function containerPort(name: string, port: number) {
  return { name, containerPort: port, protocol: 'TCP' } as const;
}

/** An address to listen on, at any of the pod's own. */
export function anyAddress({ ipFamily }: Values, port: number): string {
  return ipFamily === 'IPv6' ? `[::]:${port}` : `0.0.0.0:${port}`;
}
