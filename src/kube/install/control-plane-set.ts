/**
 * The replicas of the control plane. They all serve; which of them leads they settle among themselves, by a Lease.
 *
 * Each has a name that stays, because a chain of evidence bears it; all begin and end at once, because none waits for another.
 */
import type { KubeObject } from '../objects.ts';
import { controlPlaneName, metadata, ports, replicasName, selectorOf } from './parts.ts';
import { anyAddress, podTemplate } from './pods.ts';
import type { Values } from './values.ts';

/** V8 takes it at its start and from nobody later: see `controlPlaneNodeFlags` in src/config.ts, which a test holds this to. */
const nodeFlags = ['--max-semi-space-size=16'];
/** Streams get two seconds to end, and what is recorded is written down. */
const graceSeconds = 15;
const statePath = '/var/lib/coffre';
const postgresPath = '/var/run/coffre/postgres';
/** Key of the Secret, and so name of the file. */
const postgresKey = 'connection';
const stateVolume = 'state';

export function controlPlaneSet(values: Values): KubeObject {
  const { controlPlane, evidence } = values;
  const isKept = evidence.kind === 'claim';
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadata(controlPlaneName),
    spec: {
      replicas: controlPlane.replicas,
      serviceName: replicasName,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: selectorOf(controlPlaneName) },
      template: podTemplate(values, {
        name: controlPlaneName,
        rolloutLabel: 'controller-revision-hash',
        placed: controlPlane,
        asksApiServer: true,
        graceSeconds,
        container: containerOf(values),
        volumes: [
          ...(isKept ? [] : [{ name: stateVolume, emptyDir: {} }]),
          { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
          ...(evidence.kind === 'postgres'
            ? [{ name: 'postgres', secret: { secretName: evidence.postgresSecret, defaultMode: 0o440 } }]
            : []),
        ],
      }),
      ...(isKept ? { volumeClaimTemplates: [claimOf(evidence)] } : {}),
    },
  };
}

function containerOf(values: Values) {
  const isShared = values.evidence.kind === 'postgres';
  return {
    name: controlPlaneName,
    args: [
      ...nodeFlags,
      'src/main.ts',
      '--kube=in-cluster',
      '--replica=$(POD_NAME)',
      `--state=${statePath}`,
      `--xds=${anyAddress(values, ports.xds)}`,
      `--evidence=${anyAddress(values, ports.evidence)}`,
      `--admin=${anyAddress(values, ports.admin)}`,
      `--log-level=${values.logLevel}`,
      ...(isShared ? [`--evidence-postgres=${postgresPath}/${postgresKey}`] : []),
    ],
    env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
    ports: Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort, protocol: 'TCP' })),
    // It listens once the mesh was read and its first configurations are made. Without a Mesh there is nothing to listen for.
    readinessProbe: { tcpSocket: { port: 'xds' }, periodSeconds: 2, failureThreshold: 2 },
    volumeMounts: [
      { name: stateVolume, mountPath: statePath },
      { name: 'tmp', mountPath: '/tmp' },
      ...(isShared ? [{ name: 'postgres', mountPath: postgresPath, readOnly: true }] : []),
    ],
  };
}

/** A replica that is taken away for good leaves its evidence. */
function claimOf({ size, storageClass }: Values['evidence']) {
  return {
    metadata: { name: stateVolume },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      resources: { requests: { storage: size } },
    },
  };
}
