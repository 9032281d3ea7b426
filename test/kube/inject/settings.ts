/** One installation, and pods for it. */
import type { Pod } from '../../../src/kube/inject/pod.ts';
import { defaultSettings, type InjectSettings } from '../../../src/kube/inject/settings.ts';

export const settings: InjectSettings = {
  ...defaultSettings,
  revision: 'r1',
  version: '1.0.0',
  envoyImage: 'registry.example/envoy@sha256:e1',
  redirectImage: 'registry.example/coffre-redirect@sha256:c0',
  controlPlane: { address: '10.96.0.100', port: 15_012 },
  serverName: 'coffre.mesh.coffre',
  unproxied: new Set(['shop/node-agent']),
  caretakers: new Set(['system:serviceaccount:coffre-system:coffre']),
};

export const shop = { namespace: 'shop', tenant: 'shop', sidecarUser: 1_900_000_007 };

/** What restricted Pod Security asks of a container, and what every application in a tenant's namespace is. */
export const restricted = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  runAsUser: 1_000,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

/** @param change of the one container. */
export function podWith(change: object = {}, spec: object = {}, metadata: object = {}): Pod {
  const web = { name: 'web', image: 'registry.example/web:1', securityContext: restricted, ...change };
  return { metadata: { name: 'web-0', ...metadata }, spec: { containers: [web], ...spec } };
}
