/**
 * The health of a mesh at one moment, cut to what its reader may see: a pure function of what the control plane holds.
 *
 *   snapshot, streams, certificates ──meshStatus(scope)──▶ tenants, problems, proxies, and what is wrong in words
 *
 * `wrong` is what makes a status bad; it is derived from what the reader sees and nothing else, so that no tenant's
 * trouble shows through another's status. A type that is STALE is on its way, and is not wrong by itself.
 */
import { workerKey } from '../controller/configure.ts';
import { formatProblem } from '../model/format-problem.ts';
import type { Problem } from '../model/problem.ts';
import type { Quarantine } from '../model/quarantine.ts';
import type { Snapshot, Workload } from '../model/snapshot.ts';
import { formatSourceRef } from '../model/source-ref.ts';
import { programTypeUrl } from '../policy/program.ts';
import type { ClientStatus, TypeStatus } from '../xds/client-status.ts';
import { type Scope, sees } from './person.ts';
import { typeNameOf } from './proxies-type-name.ts';

export interface MeshView {
  /** The sources were read and everything they ask for is served. */
  readonly ready: boolean;
  readonly snapshot: Snapshot | undefined;
  /** `address:port` where proxies connect. */
  readonly xds: string;
  readonly clients: readonly ClientStatus[];
  certificateOf(spiffeId: string): { readonly notBeforeMs: number; readonly notAfterMs: number } | undefined;
  /** Absent until there is a mesh whose evidence it would be. */
  readonly evidence?: EvidenceView | undefined;
}

export interface EvidenceView {
  /** Position of the newest record of this replica's chain; 0 before the first. */
  readonly head: number;
  /** Why nothing can be written; undefined while it can. */
  readonly blocked: string | undefined;
  readonly sinks: readonly SinkView[];
}

interface SinkView {
  /** As the mesh's author named it. */
  readonly name: string;
  /** Records of the chain that it was not given yet. */
  readonly lag: number;
  /** Why the last attempt failed; undefined while it works. */
  readonly failing: string | undefined;
}

export interface MeshStatus {
  readonly ready: boolean;
  readonly revision: string;
  readonly trustDomain: string;
  readonly xds: string;
  readonly tenants: readonly string[];
  readonly problems: readonly StatusProblem[];
  /** One for each workload, sorted. */
  readonly proxies: readonly ProxyStatus[];
  /** Those that stand, sorted by identity. */
  readonly quarantines: readonly Quarantine[];
  /** Each that is connected; they judge for every tenant, so only for those who see the whole mesh. */
  readonly workers?: readonly WorkerStatus[];
  /** The chain holds every tenant's events, so only for those who see the whole mesh. */
  readonly evidence?: EvidenceStatus;
  /** What is wrong, one sentence each; empty where all is well. */
  readonly wrong: readonly string[];
}

export type StatusProblem = Pick<Problem, 'code' | 'severity' | 'where'> & {
  /** Where, what and what to do, in one line. */
  readonly text: string;
};

export interface ProxyStatus {
  readonly workload: string;
  readonly tenant: string;
  /** Absent where no stream is open. */
  readonly connected?: { readonly address: string; readonly since: string };
  readonly types: readonly ProxyTypeStatus[];
  /** Absent where none was issued yet; a proxy without one is told nothing. */
  readonly certificate?: { readonly notAfter: string; readonly secondsLeft: number };
}

export interface ProxyTypeStatus {
  /** `LDS` and the like; the type's own name where there is no short one. */
  readonly type: string;
  readonly state: TypeStatus['state'];
  readonly sentVersion: string;
  readonly ackedVersion: string;
  /** What Envoy said as it refused. */
  readonly nack?: string;
}

export interface WorkerStatus {
  /** Its end of the stream that feeds it. */
  readonly address: string;
  readonly since: string;
  /** Of the policies that it judges by; empty where it knows none from this stream. */
  readonly revision: string;
  readonly state: TypeStatus['state'];
}

export interface EvidenceStatus {
  readonly head: number;
  /** Absent while records can be written. */
  readonly blocked?: string;
  readonly sinks: readonly SinkStatus[];
}

export interface SinkStatus {
  readonly name: string;
  readonly lag: number;
  /** Absent while it takes what it is given. */
  readonly failing?: string;
}

/** Share of a certificate's life below which its renewal is overdue: it is due before one half. */
const overdueShare = 0.25;

/** @param nowMs epoch ms. */
export function meshStatus(
  { ready, snapshot, xds, clients, certificateOf, evidence: whole }: MeshView,
  scope: Scope,
  nowMs: number,
): MeshStatus {
  const workloads = [...(snapshot?.workloads.values() ?? [])].filter(({ tenant }) => sees(scope, tenant));
  const problems = (snapshot?.problems ?? []).filter((problem) => concerns(problem, scope));
  const proxies = workloads.map((workload) => proxyStatus(workload, clients, certificateOf(workload.spiffeId), nowMs));
  const evidence = scope.kind === 'mesh' && whole !== undefined ? evidenceStatus(whole) : undefined;
  const workers = scope.kind === 'mesh' ? workersIn(clients) : undefined;
  return {
    ready,
    revision: snapshot?.revision ?? '',
    trustDomain: snapshot?.mesh.trustDomain ?? '',
    xds,
    tenants: [...(snapshot?.tenants.keys() ?? [])].filter((tenant) => sees(scope, tenant)),
    problems: problems.map((problem) => {
      const { code, severity, where } = problem;
      return { code, severity, where, text: formatProblem(problem) };
    }),
    proxies,
    quarantines: [...(snapshot?.quarantines.values() ?? [])].filter(({ tenant }) => sees(scope, tenant)),
    ...(workers === undefined ? {} : { workers }),
    ...(evidence === undefined ? {} : { evidence }),
    wrong: [
      ...(ready ? [] : ['the control plane is not ready: it has not read its sources, or serves nothing of them yet']),
      ...problems.filter(({ severity }) => severity === 'error').map(wrongInSource),
      ...workloads.flatMap((workload, index) => wrongWith(workload, proxies[index], certificateOf, nowMs)),
      ...(workers ?? [])
        .filter(({ state }) => state === 'NACKED')
        .map(({ address }) => `the authorization worker at \`${address}\` refused its policies`),
      ...(evidence === undefined ? [] : wrongWithEvidence(evidence)),
    ],
  };
}

function wrongInSource({ code, where }: Problem): string {
  if (code === 'loss-held') return 'objects were lost at once, and are held until that is confirmed';
  return `${formatSourceRef(where)} is not in force`;
}

/** A problem without an owner (a file that is no YAML) may quote anybody, and is for those who see everything. */
function concerns({ object }: Problem, scope: Scope): boolean {
  if (scope.kind === 'mesh') return true;
  if (object === undefined) return false;
  return object.kind === 'Tenant' ? object.name === scope.tenant : object.namespace === scope.tenant;
}

function proxyStatus(
  { key, tenant }: Workload,
  clients: readonly ClientStatus[],
  certificate: ReturnType<MeshView['certificateOf']>,
  nowMs: number,
): ProxyStatus {
  // A proxy that reconnects has two streams for a moment: the younger one speaks for it.
  const client = clients.findLast((each) => each.key === key);
  const connected = client && { address: client.address, since: new Date(client.openedAtMs).toISOString() };
  return {
    workload: key,
    tenant,
    ...(connected === undefined ? {} : { connected }),
    types: (client?.types ?? []).map(typeStatus).sort((left, right) => (left.type < right.type ? -1 : 1)),
    ...(certificate === undefined
      ? {}
      : {
          certificate: {
            notAfter: new Date(certificate.notAfterMs).toISOString(),
            secondsLeft: Math.floor((certificate.notAfterMs - nowMs) / 1_000),
          },
        }),
  };
}

function typeStatus({ typeUrl, state, sentVersion, ackedVersion, nack }: TypeStatus): ProxyTypeStatus {
  const type = typeNameOf(typeUrl);
  return { type, state, sentVersion, ackedVersion, ...(nack === undefined ? {} : { nack: nack.message }) };
}

function workersIn(clients: readonly ClientStatus[]): readonly WorkerStatus[] {
  return clients
    .filter(({ key }) => key === workerKey)
    .map(({ address, openedAtMs, types }) => {
      const programs = types.find(({ typeUrl }) => typeUrl === programTypeUrl);
      const { ackedVersion: revision = '', state = 'NOT_SENT' } = programs ?? {};
      return { address, since: new Date(openedAtMs).toISOString(), revision, state };
    });
}

function evidenceStatus({ head, blocked, sinks }: EvidenceView): EvidenceStatus {
  return {
    head,
    ...(blocked === undefined ? {} : { blocked }),
    sinks: sinks.map(({ name, lag, failing }) => ({ name, lag, ...(failing === undefined ? {} : { failing }) })),
  };
}

/** A sink that is behind, and takes what it is given, is on its way. */
function wrongWithEvidence({ blocked, sinks }: EvidenceStatus): readonly string[] {
  return [
    ...(blocked === undefined ? [] : ['no evidence is written']),
    ...sinks.filter(({ failing }) => failing !== undefined).map(({ name }) => `the sink \`${name}\` takes no evidence`),
  ];
}

function wrongWith(
  { key, ready, spiffeId }: Workload,
  proxy: ProxyStatus | undefined,
  certificateOf: MeshView['certificateOf'],
  nowMs: number,
): readonly string[] {
  const certificate = certificateOf(spiffeId);
  const nacked = (proxy?.types ?? []).filter(({ state }) => state === 'NACKED').map(({ type }) => type);
  return [
    ...(certificate === undefined ? [`\`${key}\` has no certificate, so its proxy is told nothing`] : []),
    ...(certificate !== undefined && isOverdue(certificate, nowMs)
      ? [`the certificate of \`${key}\` was not renewed in time`]
      : []),
    // Its application takes no traffic, so a sidecar that is not there yet is what one would expect.
    ...(ready && proxy?.connected === undefined ? [`the proxy of \`${key}\` is not connected`] : []),
    ...(nacked.length === 0 ? [] : [`the proxy of \`${key}\` refused ${nacked.join(', ')}`]),
  ];
}

function isOverdue({ notBeforeMs, notAfterMs }: { notBeforeMs: number; notAfterMs: number }, nowMs: number): boolean {
  return notAfterMs - nowMs < (notAfterMs - notBeforeMs) * overdueShare;
}
