/** What an installation says of its sidecars: the same for every pod. */
import { defaultServerDnsName } from '../../identity/authority.ts';

/** Users that sidecars run as: drawn for each pod anew, so that no image can have been built for its pod's. Above what distributions, OpenShift's ranges (1e9 up, ten thousand each) and user namespaces hand out by default. */
export const sidecarUsers = { first: 1_900_000_000, last: 1_999_999_999 } as const;

export interface Resources {
  readonly cpu: string;
  readonly memory: string;
}

export interface InjectSettings {
  /** Of the installation; a label's value. */
  readonly revision: string;
  /** Of this program. */
  readonly version: string;
  readonly envoyImage: string;
  /** With `/bin/sh`, `iptables-restore` and `ip6tables-restore`. */
  readonly redirectImage: string;
  /** An address: a sidecar has nobody to resolve a name of the control plane by. */
  readonly controlPlane: { readonly address: string; readonly port: number };
  /** DNS name in the control plane's certificate. */
  readonly serverName: string;
  /** Addresses that pods may ask on port 53. */
  readonly dnsResolvers: readonly string[];
  readonly requests: Resources;
  readonly limits: Resources;
  /** Shortest time that a sidecar outlives the order to stop, in s: as long as callers need to hear that the pod goes. */
  readonly drainSeconds: number;
  /** `namespace/serviceaccount` whose pods may be without a sidecar, if they ask for it; said by whom the mesh belongs to, never by a tenant. */
  readonly unproxied: ReadonlySet<string>;
  /** Names of users, as the API server knows them, that may change what is ours in a pod, and look into its sidecar. */
  readonly caretakers: ReadonlySet<string>;
}

/** What an installation need not say. Resources: 70 MB at a start were measured of one sidecar; the limit leaves room for 10,000 connections. */
export const defaultSettings = {
  requests: { cpu: '50m', memory: '96Mi' },
  limits: { cpu: '2', memory: '512Mi' },
  drainSeconds: 5,
  serverName: defaultServerDnsName,
  dnsResolvers: ['10.96.0.10'],
  unproxied: new Set<string>(),
  caretakers: new Set<string>(),
} as const satisfies Partial<InjectSettings>;
