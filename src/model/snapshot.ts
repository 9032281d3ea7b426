/**
 * The whole mesh at one moment, as nouns: what the sources said, validated, cross-referenced and frozen.
 *
 *   objects ──buildSnapshot──▶ Snapshot ──compile──▶ policy ──viewOf──▶ ProxyView ──▶ Envoy resources
 *
 * Everything in it is valid: what was not is a Problem and is absent, or denied where absence would loosen.
 * Maps iterate in sorted key order, so that whatever is derived from them is deterministic.
 */
import type { Drill, DrillConsent, DrillRules } from './drill.ts';
import type { EvidenceRules, TracingRules } from './evidence-rules.ts';
import type { HttpRoute } from './http-route.ts';
import type { Problem } from './problem.ts';
import type { Quarantines } from './quarantine.ts';
import type { SourceRef } from './source-ref.ts';
import type { TrafficPolicy } from './traffic-policy.ts';

export interface Snapshot {
  /** Hash of the inputs: the thread through push, ACK, decision and evidence. */
  readonly revision: string;
  readonly mesh: Mesh;
  /** By namespace name. */
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** By `namespace/pod`; only pods of a tenant's namespace, with at least one address. */
  readonly workloads: ReadonlyMap<string, Workload>;
  /** By `namespace/service`; only services of a tenant's namespace. */
  readonly services: ReadonlyMap<string, Service>;
  /** By `namespace/name` of the grant. Resolved: tenant, service and ports exist, nothing sealed is named. */
  readonly grants: ReadonlyMap<string, Grant>;
  /** By `namespace/name` of the grant; both tenants exist and may meet. */
  readonly volumeGrants: ReadonlyMap<string, VolumeGrant>;
  /** By `namespace/name`. */
  readonly policies: ReadonlyMap<string, AccessPolicy>;
  /** By `namespace/name`. */
  readonly trafficPolicies: ReadonlyMap<string, TrafficPolicy>;
  /** By `namespace/name`; each attached to a parent at least. */
  readonly httpRoutes: ReadonlyMap<string, HttpRoute>;
  /** By `namespace/name`: what could be started, if consents and the house rules let it. */
  readonly drills: ReadonlyMap<string, Drill>;
  /** By `namespace/name`; of tenants that may be drilled at all. */
  readonly drillConsents: ReadonlyMap<string, DrillConsent>;
  /** By tenant: the only ways out of the mesh. Sorted by name and port. */
  readonly externalServices: ReadonlyMap<string, readonly ExternalService[]>;
  /** By workload under explicit capture, then by destination (see `explicit-address.ts`): what its application dials. */
  readonly explicitAddresses: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Who is cut off every peer; of identities that may have no workload at the moment. */
  readonly quarantines: Quarantines;
  readonly problems: readonly Problem[];
}

export interface Mesh {
  readonly trustDomain: string;
  /** Life of a leaf certificate, in ms; it is renewed at half of it. */
  readonly leafLifetimeMs: number;
  /** Addresses of the DNS resolver that pods may ask; nobody else is reachable over UDP. */
  readonly dnsResolvers: readonly string[];
  /** `everyRequest`: an authorization worker judges every HTTP request behind the proxy's own rules; `dynamicOnly`: only where those rules cannot. */
  readonly authorizationMode: 'everyRequest' | 'dynamicOnly';
  /** Loopback addresses that sidecars under explicit capture share out, as `127.128.0.0/10`. */
  readonly explicitRange: string;
  readonly drills: DrillRules;
  readonly evidence: EvidenceRules;
  /** Absent where nothing is traced. */
  readonly tracing?: TracingRules;
  /** Identities that may read the statistics of every sidecar. */
  readonly scrapers: readonly { readonly namespace: string; readonly serviceAccount: string }[];
  /** Identity providers in private networks; whatever else a tenant names must have public addresses. */
  readonly privateProviders: readonly PrivateHost[];
  readonly where: SourceRef;
}

export interface Tenant {
  readonly name: string;
  /** `prod`, `staging`...: tenants of different environments never meet. */
  readonly environment: string;
  /** Who may call a port that no allow rule speaks of: everybody in the tenant, or nobody. */
  readonly defaultAccess: 'sameTenant' | 'none';
  /** Services that no grant may ever open. */
  readonly sealedServices: ReadonlySet<string>;
  /** Where its requests may go, in the mesh and out of it; an empty set means anywhere. */
  readonly allowedRegions: ReadonlySet<string>;
  readonly allowedZones: ReadonlySet<string>;
  /** Classes that its volumes must be of, one or another; absent means any. */
  readonly encryptedStorageClasses?: ReadonlySet<string>;
  /** What its pods must be made of to have an identity; absent means of anything. */
  readonly images?: ImageRules;
  /** Namespaces whose pods may run beside its own, where a pod of any other costs its pods there their identity; absent means any. */
  readonly nodesSharedWith?: ReadonlySet<string>;
  /** As the API server wrote it, to the second; absent in a folder. */
  readonly createdAt?: string;
  /** Who vouches for people here, in written order. No two have the same issuer, so a token's `iss` names one or none. */
  readonly identityProviders: readonly IdentityProvider[];
  readonly where: SourceRef;
}

export interface ImageRules {
  /** Registries, or parts of them: `registry.example/shop` means everything below it. */
  readonly registries: readonly string[];
  /** Of whom one must have signed each image; absent means that nobody need. */
  readonly signers?: readonly ImageSigner[];
}

export interface ImageSigner {
  readonly name: string;
  /** As it was written. */
  readonly publicKeyPem: string;
}

/** An OpenID Connect provider that one tenant believes; its tokens say nothing to any other tenant that did not name it too. */
export interface IdentityProvider {
  /** Unique in the tenant. */
  readonly name: string;
  /** Whose claim shapes to expect, and which token of theirs can be verified at all. */
  readonly preset: 'google' | 'entra' | 'okta' | 'jumpcloud' | 'auth0' | 'oidc';
  /** Exactly the `iss` of its tokens, trailing slash and all. */
  readonly issuer: string;
  /** Exact values of `aud`, of which a token must name one; never empty. */
  readonly audiences: readonly string[];
  /** Absent: found by discovery below the issuer. */
  readonly jwksUri?: string;
  /** Claim that holds the groups; absent means the preset's own. */
  readonly groupsClaim?: string;
  /** Of `google` only, and there never empty: values of `hd` that are let in, since anybody may have an account of that issuer. */
  readonly hostedDomains: readonly string[];
  /** Absent where its own host is public: the hosts inside where it may be, and its keys. */
  readonly privateHosts?: readonly PrivateHost[];
  readonly where: SourceRef;
}

/** A host inside that workers may dial for keys, in these ranges only. Of the mesh's author: a tenant who could name one could have any neighbour knocked at. */
export interface PrivateHost {
  readonly host: string;
  readonly port: number;
  /** In CIDR notation, private ranges all. */
  readonly addresses: readonly string[];
}

/** One pod, and so one proxy. */
export interface Workload {
  /** `namespace/pod`; also the node id of its proxy. */
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  readonly serviceAccount: string;
  /** `spiffe://<trust domain>/ns/<tenant>/sa/<service account>`. */
  readonly spiffeId: string;
  readonly labels: ReadonlyMap<string, string>;
  /** IPv4 and IPv6, primary first, never empty. */
  readonly addresses: readonly string[];
  readonly capture: Capture;
  /** Where its sidecar finds the application. */
  readonly applicationAddress: string;
  readonly ready: boolean;
  readonly locality: Locality;
  readonly where: SourceRef;
}

/**
 * `transparent`: whatever the application sends and receives is redirected to the sidecar, which needs privileges once.
 * `explicit`: the sidecar binds the workload's addresses and ports, and one address for each service it may call.
 */
export type Capture = 'transparent' | 'explicit';

/** Where something runs, in the words of `topology.kubernetes.io`; empty where nobody said. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
}

/** `http`: HTTP/1.1 at the application; `http2`: HTTP/2 or gRPC without TLS; `tcp`: opaque bytes. */
export type PortProtocol = 'http' | 'http2' | 'tcp';

export interface Service {
  /** `namespace/name`. */
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  /** Cluster IPs, IPv4 and IPv6; empty for a headless service, and for one that lost them to a contradiction. */
  readonly virtualIps: readonly string[];
  /** Written without a virtual address: its pods are dialled one by one. Never true of a service that lost its own. */
  readonly headless: boolean;
  readonly ports: readonly ServicePort[];
  readonly sealed: boolean;
  readonly where: SourceRef;
}

export interface ServicePort {
  /** Port number that callers dial. */
  readonly port: number;
  /** Port name, empty if none. */
  readonly name: string;
  readonly protocol: PortProtocol;
  /** Sorted by workload. Endpoints that are not ready are kept, marked. */
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  /** Workload key. */
  readonly workload: string;
  /** Primary address of the workload. */
  readonly address: string;
  /** The port the application listens on. */
  readonly port: number;
  readonly ready: boolean;
}

/** A service outside the mesh that a tenant may call by exactly this name, and by no other. */
export interface ExternalService {
  readonly tenant: string;
  /** DNS name: SNI, `Host` and the name in the certificate. */
  readonly name: string;
  readonly port: number;
  /** `http`: plain HTTP to the sidecar, which adds TLS; `tls`: TLS by the application, carried untouched; `tcp`: bytes, to which the sidecar adds TLS. */
  readonly protocol: 'http' | 'tls' | 'tcp';
  /** Where the application dials it; see `external-address.ts`. */
  readonly virtualIp: string;
  readonly region: string;
  readonly jurisdiction: string;
  /** Certificates to believe, PEM; absent means those of the system. */
  readonly caBundlePem?: string;
  readonly where: SourceRef;
}

/** The destination's written consent to one path for one other tenant. */
export interface Grant {
  readonly key: string;
  /** The destination: the tenant whose namespace holds the grant. */
  readonly tenant: string;
  readonly name: string;
  readonly from: {
    readonly tenant: string;
    /** SPIFFE IDs; empty means every service account of `from.tenant`. */
    readonly spiffeIds: readonly string[];
  };
  readonly to: {
    /** Service key, `namespace/name`. */
    readonly service: string;
    /** Service port numbers; resolved, never empty. */
    readonly ports: readonly number[];
    readonly match: RequestMatch;
  };
  /** A condition in CEL that was understood. */
  readonly when?: string;
  /** Epoch ms from which the grant is dead; absent means it lives until withdrawn. */
  readonly notAfterMs?: number;
  readonly reason: string;
  readonly where: SourceRef;
}

/** The owner's written consent that another tenant uses the data of one volume claim. */
export interface VolumeGrant {
  readonly key: string;
  /** The owner: the tenant whose namespace holds the grant. */
  readonly tenant: string;
  readonly name: string;
  readonly from: { readonly tenant: string };
  /** Name of the claim in the owner's namespace. It may be gone: what it held is still the owner's. */
  readonly claim: string;
  /** Epoch ms from which the grant is dead; absent means it lives until withdrawn. */
  readonly notAfterMs?: number;
  readonly reason: string;
  readonly where: SourceRef;
}

/** What of a request a rule speaks of. An empty list means "any", and so does an absent one; a TCP port knows none of it. */
export interface RequestMatch {
  readonly methods: readonly string[];
  readonly paths: readonly PathMatch[];
  /** Never empty. */
  readonly hosts?: readonly HostMatch[];
  /** All of them must hold; never empty. */
  readonly headers?: readonly HeaderMatch[];
}

/**
 * A path of a request without its query, as Envoy normalised it. Of `/admin/*` the subtree is `/admin` and what lies
 * below it, never `/administrator`; of `/documents/{id}` each `{…}` is one segment that is not empty.
 * An allow rule takes the path by its letters. A deny rule takes it as an application may read it: without what follows
 * `;` in a segment, and with percent signs decoded.
 */
export type PathMatch =
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'subtree'; readonly path: string }
  | { readonly kind: 'template'; readonly path: string };

/** In lower case, without port and trailing dot. `suffix` begins with a dot and takes one label or more before it. */
export type HostMatch =
  | { readonly kind: 'exact'; readonly host: string }
  | { readonly kind: 'suffix'; readonly suffix: string };

/**
 * A header by its name in lower case. Its values are what stands between the commas of all its lines.
 * A deny rule matches where any value does; an allow rule where the header has one value only, and that one does.
 */
export type HeaderMatch =
  | { readonly kind: 'exact'; readonly name: string; readonly value: string }
  | { readonly kind: 'prefix'; readonly name: string; readonly prefix: string }
  | { readonly kind: 'present'; readonly name: string }
  | { readonly kind: 'absent'; readonly name: string };

/** What a rule asks of the request's bearer token: a valid one, and all that is named. */
export interface TokenMatch {
  /** Name of an identity provider of the tenant; absent means any of them. */
  readonly provider?: string;
  /** Any one of them; empty means any or none. */
  readonly groups: readonly string[];
  /** Every one of them. */
  readonly claims: readonly ClaimMatch[];
}

/** A claim is matched by any one of the values: by itself where it is text, a number or a boolean, by any element where it is a list. */
export interface ClaimMatch {
  /** Names to descend by, such as `realm_access`, `roles`. */
  readonly path: readonly string[];
  readonly values: readonly string[];
}

export interface AccessPolicy {
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  /** Labels that a workload must all carry; empty selects every workload of the tenant. */
  readonly selector: ReadonlyMap<string, string>;
  readonly allow: readonly AccessRule[];
  readonly deny: readonly AccessRule[];
  /** `Audit`: it is judged and told, and refuses nobody. */
  readonly enforcement: 'Enforce' | 'Audit';
  /** True where some rule could not be understood: the workloads it selects are denied everything. */
  readonly broken: boolean;
  readonly where: SourceRef;
}

export interface AccessRule {
  readonly callers: CallerMatch;
  readonly match: RequestMatch;
  /** Ports of the workload (not of the service); empty means every port. */
  readonly ports: readonly number[];
  readonly token?: TokenMatch;
  /** A condition in CEL that was understood; see `cel/check-cel.ts`. */
  readonly when?: string;
  /** Epoch ms from which the rule matches nothing; absent means it has no end. */
  readonly notAfterMs?: number;
  /** Its end had passed when the snapshot was built. It stays: an allow rule that ended still keeps the default away. */
  readonly hasEnded?: true;
  readonly where: SourceRef;
}

/** Any one of the three suffices; all three empty means every caller. */
export interface CallerMatch {
  readonly tenants: readonly string[];
  /** Exact SPIFFE IDs; service accounts of the policy's own tenant are written out here. */
  readonly spiffeIds: readonly string[];
}
