/**
 * What the command line and the environment say, read once into one frozen value. Nothing else reads either.
 *
 *   --folder DIR            the mesh as YAML, watched                        COFFRE_FOLDER
 *   --kube FILE|in-cluster  the mesh as a cluster's objects, instead of a folder   COFFRE_KUBE
 *   --state DIR             CA, keys, leaves; made on the first start        COFFRE_STATE
 *   --state-key-file FILE   the sealing key, kept outside the state folder   COFFRE_STATE_KEY_FILE
 *   --xds ADDRESS:PORT      where proxies connect                            COFFRE_XDS
 *   --evidence ADDRESS:PORT where proxies report over mutual TLS             COFFRE_EVIDENCE
 *   --evidence-postgres FILE  connection string of a store that replicas share   COFFRE_EVIDENCE_POSTGRES
 *   --replica NAME          whose chain of evidence it writes                COFFRE_REPLICA
 *   --peers ADDRESS:PORT    where other replicas reach this one, over mutual TLS   COFFRE_PEERS
 *   --admin ADDRESS:PORT    where people ask over mutual TLS; none if absent   COFFRE_ADMIN
 *   --health ADDRESS:PORT   where a kubelet asks `/live` and `/ready`        COFFRE_HEALTH
 *   --authz ADDRESS:PORT,…  where sidecars reach authorization workers       COFFRE_AUTHZ
 *   --workloads DIR         bootstrap, root and token per workload           COFFRE_WORKLOADS
 *   --log-level LEVEL       debug, info, warn or error                       COFFRE_LOG_LEVEL
 *   --system-ca FILE        CA certificates in a sidecar's file system      COFFRE_SYSTEM_CA
 *   --webhook ADDRESS:PORT  where API servers ask before they write; in a cluster 0.0.0.0:15017   COFFRE_WEBHOOK
 *   --webhook-clients cluster|anyone|FILE   who vouches for API servers as clients      COFFRE_WEBHOOK_CLIENTS
 *   --webhook-client-names NAME,…   their common names, of a FILE                       COFFRE_WEBHOOK_CLIENT_NAMES
 *   --webhook-exempt NAMESPACE,…    about whose pods nobody is asked                    COFFRE_WEBHOOK_EXEMPT
 *   --envoy-image, --redirect-image IMAGE   what sidecars are made of    COFFRE_ENVOY_IMAGE, COFFRE_REDIRECT_IMAGE
 *   --unproxied NAMESPACE/ACCOUNT,…   whose pods may ask for no sidecar  COFFRE_UNPROXIED
 *   --caretakers USER,…     who may change what is ours in a pod         COFFRE_CARETAKERS
 *   --bypass user|mark      how a sidecar's own connections escape capture   COFFRE_BYPASS
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { CaptureBypass } from './envoy/platform.ts';
import { proxyMark } from './envoy/redirect.ts';

/** Where Debian, Alpine and the distroless images keep them. */
const systemCaFileDefault = '/etc/ssl/certs/ca-certificates.crt';

/** Where proxies report unless told otherwise, on the host that they get their configuration from. */
export const evidencePort = 15_015;

/**
 * What Node is told when it runs the control plane: V8 takes it at its start, and from nobody later. The young generation of
 * the heap may hold 16 MB; unbounded, it grows to 134 MB under the garbage of thousands of streams, and stays.
 */
export const controlPlaneNodeFlags: readonly string[] = ['--max-semi-space-size=16'];

export interface Config {
  readonly source: MeshSource;
  readonly state: string;
  readonly stateKeyFile: string | undefined;
  readonly xds: SocketEndpoint;
  /** Beside the address of xDS, on port 15015, unless told otherwise. */
  readonly evidence: SocketEndpoint;
  /** Holds the connection string of a shared store of evidence; absent: a file in the state folder. */
  readonly evidencePostgres: string | undefined;
  /** Name of its chain of evidence; of two with one name, the later one writes. */
  readonly replica: string;
  /** Also what the other replicas are told, so an address of this replica and no wildcard. Absent: it is alone. */
  readonly peers: SocketEndpoint | undefined;
  /** Beside the socket in the state folder, which is always there. */
  readonly admin: SocketEndpoint | undefined;
  /** Absent: no kubelet is answered. */
  readonly health: SocketEndpoint | undefined;
  readonly authz: readonly SocketEndpoint[];
  /** Absent: no API server is answered. */
  readonly webhook: WebhookConfig | undefined;
  readonly workloads: string;
  readonly bypass: CaptureBypass;
  /** In the file system of the sidecars. */
  readonly systemCaFile: string;
  readonly logLevel: LogLevel;
}

/** What an installation says of its webhooks, and of what they inject. */
export interface WebhookConfig {
  readonly at: SocketEndpoint;
  readonly clients: WebhookClients;
  /** Namespaces beside Coffre's own and Kubernetes' about whose pods nobody is asked. */
  readonly exempt: readonly string[];
  readonly envoyImage: string | undefined;
  readonly redirectImage: string | undefined;
  /** `namespace/serviceaccount` whose pods may be without a sidecar. */
  readonly unproxied: readonly string[];
  /** Users that may change what is ours in a pod, beside the control plane. */
  readonly caretakers: readonly string[];
}

/** Who vouches for API servers as clients. */
export type WebhookClients =
  /** Whom the cluster itself names. */
  | { readonly kind: 'cluster' }
  /** Certificates in a file, of which these common names are API servers. */
  | { readonly kind: 'file'; readonly file: string; readonly names: readonly string[] }
  /** Nobody: whoever reaches the port is answered. */
  | { readonly kind: 'anyone' };

/** Least severity that is logged. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where the mesh is read from. */
export type MeshSource =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'kubeconfig'; readonly file: string }
  | { readonly kind: 'in-cluster' };

export interface SocketEndpoint {
  readonly address: string;
  readonly port: number;
}

export type ConfigResult =
  | { readonly kind: 'ok'; readonly config: Config }
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

const options = {
  folder: { type: 'string' },
  kube: { type: 'string' },
  state: { type: 'string' },
  'state-key-file': { type: 'string' },
  xds: { type: 'string' },
  evidence: { type: 'string' },
  'evidence-postgres': { type: 'string' },
  replica: { type: 'string' },
  peers: { type: 'string' },
  admin: { type: 'string' },
  health: { type: 'string' },
  authz: { type: 'string' },
  webhook: { type: 'string' },
  'webhook-clients': { type: 'string' },
  'webhook-client-names': { type: 'string' },
  'webhook-exempt': { type: 'string' },
  'envoy-image': { type: 'string' },
  'redirect-image': { type: 'string' },
  unproxied: { type: 'string' },
  caretakers: { type: 'string' },
  workloads: { type: 'string' },
  bypass: { type: 'string' },
  'system-ca': { type: 'string' },
  'log-level': { type: 'string' },
} as const;

/** @param args without the interpreter and the script. */
export function readConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): ConfigResult {
  const flags = parseFlags(args);
  if (typeof flags === 'string') return { kind: 'refused', problems: [flags] };
  // `||`: what is set to nothing is not set, or an empty variable in a script would mean the current folder.
  const value = (flag: keyof typeof options) =>
    flags[flag] || env[`COFFRE_${flag.toUpperCase().replaceAll('-', '_')}`] || undefined;

  const problems: string[] = [];
  const source = readSource(value('folder'), value('kube'));
  if (typeof source === 'string') problems.push(source);
  const state = resolve(value('state') ?? '.coffre');
  const xds = parseEndpoint(value('xds') ?? '127.0.0.1:15012');
  if (xds === undefined) {
    problems.push(
      `\`${value('xds')}\` is no ADDRESS:PORT to listen on; write --xds 127.0.0.1:15012 or --xds [::1]:15012`,
    );
  }
  const evidenceText = value('evidence');
  const evidence =
    evidenceText === undefined ? xds && { address: xds.address, port: evidencePort } : parseEndpoint(evidenceText);
  if (evidenceText !== undefined && evidence === undefined) {
    problems.push(`\`${evidenceText}\` is no ADDRESS:PORT to listen on; write --evidence 127.0.0.1:15015`);
  }
  const replica = value('replica') ?? 'coffre';
  if (!/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(replica)) {
    problems.push(`\`${replica}\` is no name of a replica; write lower case letters, digits, \`.\` and \`-\``);
  }
  const peersText = value('peers');
  const peers = peersText === undefined ? undefined : parseEndpoint(peersText);
  if (peersText !== undefined && (peers === undefined || isWildcard(peers))) {
    problems.push(
      `\`${peersText}\` is no ADDRESS:PORT at which other replicas find this one; write an address of its own, --peers 10.0.0.5:15018`,
    );
  }
  const adminText = value('admin');
  const admin = adminText === undefined ? undefined : parseEndpoint(adminText);
  if (adminText !== undefined && admin === undefined) {
    problems.push(`\`${adminText}\` is no ADDRESS:PORT to listen on; write --admin 127.0.0.1:15014`);
  }
  const healthText = value('health');
  const health = healthText === undefined ? undefined : parseEndpoint(healthText);
  if (healthText !== undefined && health === undefined) {
    problems.push(`\`${healthText}\` is no ADDRESS:PORT to listen on; write --health 0.0.0.0:15019`);
  }
  const authzTexts = (value('authz') ?? '').split(',').filter((text) => text !== '');
  const authz = authzTexts.flatMap((text) => parseEndpoint(text) ?? []);
  if (authz.length < authzTexts.length) {
    problems.push(`\`${value('authz')}\` is no list of ADDRESS:PORT; write --authz 10.0.0.5:15016,10.0.0.6:15016`);
  }
  const webhook = readWebhook(value, typeof source !== 'string' && source.kind === 'in-cluster');
  if (typeof webhook === 'string') problems.push(webhook);
  const bypass = parseBypass(value('bypass') ?? 'user');
  if (bypass === undefined)
    problems.push(`\`${value('bypass')}\` is no way past capture; write --bypass user or --bypass mark`);
  const logLevel = logLevels.find((level) => level === (value('log-level') ?? 'info'));
  if (logLevel === undefined) {
    problems.push(`\`${value('log-level')}\` is no level of a log; write --log-level ${logLevels.join(', ')}`);
  }
  const stateKeyFile = value('state-key-file');
  const evidencePostgres = value('evidence-postgres');
  if (
    typeof source === 'string' ||
    !xds ||
    !evidence ||
    !bypass ||
    !logLevel ||
    typeof webhook === 'string' ||
    problems.length > 0
  ) {
    return { kind: 'refused', problems };
  }
  const config: Config = {
    source,
    state,
    stateKeyFile: stateKeyFile === undefined ? undefined : resolve(stateKeyFile),
    xds,
    evidence,
    evidencePostgres: evidencePostgres === undefined ? undefined : resolve(evidencePostgres),
    replica,
    peers,
    admin,
    health,
    authz,
    webhook,
    workloads: resolve(value('workloads') ?? `${state}/workloads`),
    bypass,
    systemCaFile: value('system-ca') ?? systemCaFileDefault,
    logLevel,
  };
  return { kind: 'ok', config: Object.freeze(config) };
}

/** @returns why not, where it is not one of the two. */
function readSource(folder: string | undefined, kube: string | undefined): MeshSource | string {
  if (folder !== undefined && kube !== undefined) {
    return 'the mesh is read from a folder or from a cluster, not from both; give --folder DIR or --kube FILE, and no more';
  }
  if (folder !== undefined) return { kind: 'folder', folder: resolve(folder) };
  if (kube === 'in-cluster') return { kind: 'in-cluster' };
  if (kube !== undefined) return { kind: 'kubeconfig', file: resolve(kube) };
  return 'no folder to read the mesh from; give --folder DIR or set COFFRE_FOLDER, or --kube FILE|in-cluster for a cluster';
}

/** @returns why not, where what was said cannot be. */
function readWebhook(
  value: (flag: keyof typeof options) => string | undefined,
  isInCluster: boolean,
): WebhookConfig | string | undefined {
  const text = value('webhook') ?? (isInCluster ? '0.0.0.0:15017' : undefined);
  if (text === undefined) return undefined;
  const at = parseEndpoint(text);
  if (at === undefined) return `\`${text}\` is no ADDRESS:PORT to listen on; write --webhook 0.0.0.0:15017`;
  const clients = value('webhook-clients') ?? 'cluster';
  const names = listed(value('webhook-client-names'));
  const isFile = clients !== 'cluster' && clients !== 'anyone';
  if (isFile !== names.length > 0) {
    return 'API servers are known by a file of certificates and their names in it; give --webhook-clients FILE and --webhook-client-names NAME,…, or neither';
  }
  return {
    at,
    clients: isFile ? { kind: 'file', file: resolve(clients), names } : { kind: clients },
    exempt: listed(value('webhook-exempt')),
    envoyImage: value('envoy-image'),
    redirectImage: value('redirect-image'),
    unproxied: listed(value('unproxied')),
    caretakers: listed(value('caretakers')),
  };
}

function listed(text = ''): string[] {
  return text.split(',').flatMap((part) => part.trim() || []);
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @returns undefined where it is none. */
export function parseEndpoint(text: string): SocketEndpoint | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text);
  const address = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (address === undefined || isIP(address) === 0 || port < 1 || port > 65_535) return undefined;
  return { address, port };
}

function isWildcard({ address }: SocketEndpoint): boolean {
  return /^[0.:]+$/.test(address);
}

function parseBypass(text: string): CaptureBypass | undefined {
  if (text === 'user') return { kind: 'user' };
  return text === 'mark' ? { kind: 'mark', mark: proxyMark } : undefined;
}
