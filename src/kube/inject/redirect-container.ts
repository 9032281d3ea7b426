/**
 * What runs first in a pod, and ends: it loads the rules that lead every connection through the sidecar.
 *
 * The only container of ours with a privilege, and the only one of the whole pod: NET_ADMIN, of the pod's own network.
 * The rules stand in its environment: a pod's spec cannot be changed afterwards. Until the sidecar is there the pod is mute.
 */
import { interceptionRules } from '../../envoy/redirect.ts';
import { redirectName } from './names.ts';
import type { InjectSettings } from './settings.ts';
import { containerDefaults, noApiToken } from './sidecar.ts';

/** IPv6 only where the node has it: without it there is nothing to close, and ip6tables would fail. */
const script = [
  'printf %s "$COFFRE_RULES_IPV4" | iptables-restore',
  'if [ -e /proc/net/if_inet6 ]; then printf %s "$COFFRE_RULES_IPV6" | ip6tables-restore; fi',
].join('\n');

/** It reads two texts and loads them. */
const resources = { cpu: '10m', memory: '32Mi' } as const;

export function redirectContainer({ redirectImage, dnsResolvers }: InjectSettings, user: number) {
  const rules = (family: 4 | 6) => interceptionRules({ family, sidecar: { kind: 'user', user }, dnsResolvers });
  return {
    name: redirectName,
    image: redirectImage,
    ...containerDefaults,
    command: ['/bin/sh', '-ec', script],
    env: [
      { name: 'COFFRE_RULES_IPV4', value: rules(4) },
      { name: 'COFFRE_RULES_IPV6', value: rules(6) },
    ],
    resources: { requests: resources, limits: resources },
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [noApiToken],
  };
}
