/**
 * What an installation is unless told otherwise.
 *
 * The resources: a mesh of 1,000 services and 2,000 proxies takes a control plane some 570 MB (docs/performance.md); a worker
 * holds policies, not proxies.
 */
import type { Values } from './values.ts';

export const defaultValues = {
  images: {
    coffre: 'coffre:0.1.0',
    redirect: 'coffre-redirect:0.1.0',
    envoy: 'envoyproxy/envoy:v1.40.0',
    pullSecrets: [],
  },
  controlPlane: {
    replicas: 2,
    resources: { requests: { cpu: '250m', memory: '512Mi' }, limits: { memory: '1Gi' } },
    nodeSelector: {},
    tolerations: [],
  },
  authz: {
    replicas: 2,
    resources: { requests: { cpu: '250m', memory: '192Mi' }, limits: { memory: '512Mi' } },
    nodeSelector: {},
    tolerations: [],
  },
  evidence: { kind: 'claim', size: '10Gi' },
  logLevel: 'info',
  ipFamily: 'IPv4',
  spread: 'preferred',
  webhooks: { clients: 'cluster', clientNames: [], exemptNamespaces: [], unproxied: [], caretakers: [] },
} as const satisfies Values;
