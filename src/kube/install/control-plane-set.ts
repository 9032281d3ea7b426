/**
 * The replicas of the control plane. They all serve; which of them leads they settle among themselves, by a Lease.
 *
 * Each has a name that stays, because a chain of evidence bears it; all begin and end at once, because none waits for another.
 */
import type { KubeObject } from '../objects.ts';
import { controlPlaneName, healthPort, metadata, ports, replicasName, selectorOf } from './parts.ts';
import { anyAddress, containerPort, podTemplate } from './pods.ts';
import type { Values } from './values.ts';

/** V8 takes it at its start and from nobody later: see `controlPlaneNodeFlags` in src/config.ts, which a test holds this to. */
const nodeFlags = ['--max-semi-space-size=16'];
/** Streams get two seconds to end, and what is recorded is written down. In s. */
const stopSeconds = 10;
const volumePath = '/var/lib/coffre';
/** In the volume, which is another user's: this folder it makes itself, and for itself alone. */
const statePath = `${volumePath}/state`;
const postgresPath = '/var/run/coffre/postgres';
/** Key of the Secret, and so name of the file. */
const postgresKey = 'connection';
const apiServersPath = '/var/run/coffre/api-servers';
const apiServersKey = 'ca.crt';
const stateVolume = 'state';
const stateKeyPath = '/var/run/coffre/state-key';

export function controlPlaneSet(values: Values): KubeObject {
  const { controlPlane, evidence, stateKey, webhooks } = values;
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
        stopSeconds,
        container: containerOf(values),
        volumes: [
          ...(isKept ? [] : [{ name: stateVolume, emptyDir: {} }]),
          { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
          ...(evidence.kind === 'postgres'
            ? [{ name: 'postgres', secret: { secretName: evidence.postgresSecret, defaultMode: 0o440 } }]
            : []),
          ...(stateKey === undefined ? [] : [keyVolume(stateKey.secretProviderClass)]),
          ...(webhooks.clients === 'authority'
            ? [{ name: 'api-servers', configMap: { name: webhooks.authorityConfigMap, defaultMode: 0o444 } }]
            : []),
        ],
      }),
      ...(isKept ? { volumeClaimTemplates: [claimOf(evidence)] } : {}),
    },
  };
}

function containerOf(values: Values) {
  const { images, stateKey, webhooks } = values;
  const isShared = values.evidence.kind === 'postgres';
  const isNamed = webhooks.clients === 'authority';
  return {
    name: controlPlaneName,
    args: [
      ...nodeFlags,
      'src/main.ts',
      '--kube=in-cluster',
      '--replica=$(POD_NAME)',
      `--peers=${values.ipFamily === 'IPv6' ? '[$(POD_IP)]' : '$(POD_IP)'}:${ports.peers}`,
      `--state=${statePath}`,
      `--xds=${anyAddress(values, ports.xds)}`,
      `--evidence=${anyAddress(values, ports.evidence)}`,
      `--admin=${anyAddress(values, ports.admin)}`,
      `--webhook=${anyAddress(values, ports.webhook)}`,
      `--webhook-clients=${isNamed ? `${apiServersPath}/${apiServersKey}` : webhooks.clients}`,
      ...(isNamed ? listed('webhook-client-names', webhooks.clientNames) : []),
      ...listed('webhook-exempt', webhooks.exemptNamespaces),
      ...listed('unproxied', webhooks.unproxied),
      ...listed('caretakers', webhooks.caretakers),
      `--envoy-image=${images.envoy}`,
      `--redirect-image=${images.redirect}`,
      `--health=${anyAddress(values, healthPort)}`,
      `--log-level=${values.logLevel}`,
      ...(stateKey === undefined ? [] : [`--state-key-file=${stateKeyPath}/${stateKey.file}`]),
      ...(isShared ? [`--evidence-postgres=${postgresPath}/${postgresKey}`] : []),
    ],
    env: [fieldEnv('POD_NAME', 'metadata.name'), fieldEnv('POD_IP', 'status.podIP')],
    ports: [...Object.entries(ports), ['health', healthPort] as const].map(([name, port]) => containerPort(name, port)),
    volumeMounts: [
      { name: stateVolume, mountPath: volumePath },
      { name: 'tmp', mountPath: '/tmp' },
      ...(isShared ? [{ name: 'postgres', mountPath: postgresPath, readOnly: true }] : []),
      ...(stateKey === undefined ? [] : [{ name: 'state-key', mountPath: stateKeyPath, readOnly: true }]),
      ...(isNamed ? [{ name: 'api-servers', mountPath: apiServersPath, readOnly: true }] : []),
    ],
  };
}

function keyVolume(secretProviderClass: string) {
  const driver = 'secrets-store.csi.k8s.io';
  return { name: 'state-key', csi: { driver, readOnly: true, volumeAttributes: { secretProviderClass } } };
}

function listed(flag: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [`--${flag}=${values.join(',')}`];
}

function fieldEnv(name: string, fieldPath: string) {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
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
