/**
 * What proxies reach of the control plane: configuration, status and their own reports, on one port, each by its token.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { admitProxy, nobodyCanSay } from '../controller/admit-proxy.ts';
import { createGrpcServer, type GrpcServer } from '../grpc/grpc-server.ts';
import { tokenHeader } from '../grpc/peer.ts';
import type { Authority } from '../identity/authority.ts';
import type { BearerJudge, BearerVerdict } from '../identity/bearer-verdict.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { drillClock } from '../system-clock.ts';
import type { SnapshotCache } from '../xds/cache.ts';
import { createClientStatusService } from '../xds/client-status-service.io.ts';
import type { Admission } from '../xds/ports.ts';
import { createXdsService, type XdsService } from '../xds/server.io.ts';
import type { XdsEvent } from '../xds/xds-event.ts';

export interface ProxyServerParts {
  /** `host:port`. */
  readonly address: string;
  readonly authority: Pick<Authority, 'serverCredentials'>;
  /** Says whose token a proxy shows. */
  readonly bearers: BearerJudge;
  readonly snapshots: SnapshotCache;
  /** Newest; undefined until the sources have been read. */
  snapshot(): Snapshot | undefined;
  observe(event: XdsEvent): void;
}

export interface ProxyServer {
  readonly server: GrpcServer;
  readonly xds: XdsService;
  /** Who reports about itself: a workload of the mesh, by its token; what it claims to be is not asked. */
  admit(caller: WithHeaders): Promise<Admission>;
}

interface WithHeaders {
  readonly address: string;
  header(name: string): string | undefined;
}

/** Not bound yet: whoever has a service to add adds it first. */
export function serveProxies(parts: ProxyServerParts): ProxyServer {
  const { address, authority, bearers, snapshots, snapshot, observe } = parts;
  const tls = authority.serverCredentials();
  if (tls === undefined) throw new Error('the CA has no certificate for the control plane itself');
  const server = createGrpcServer({ address, tls, requireClientCertificate: false });
  const verified = (caller: WithHeaders) => bearers.judgeBearer(caller.header(tokenHeader) ?? '', caller.address);
  const xds = createXdsService({
    identifier: 'coffre',
    clock: drillClock,
    snapshots,
    observe,
    async greet(stranger) {
      const token = await verified(stranger);
      return token.kind === 'ok' ? { kind: 'heard', holder: token.holder ?? token.workload } : refusedBy(token);
    },
    async authenticate(caller) {
      const { node } = caller;
      return admitProxy(await verified(caller), { nodeId: node.id, nodeCluster: node.cluster, snapshot: snapshot() });
    },
  });
  const status = createClientStatusService({
    status: () => xds.status(),
    /** A workload may know of its own vault, and of nothing outside it. */
    async authorise(asker) {
      const token = await verified(asker);
      if (token.kind !== 'ok') return refusedBy(token);
      return { kind: 'asker', sees: (key) => vaultOf(key) === vaultOf(token.workload) };
    },
  });
  server.addDefinition(xds.definition, xds.implementation);
  status.addTo(server);
  return {
    server,
    xds,
    async admit(caller) {
      const token = await verified(caller);
      const nodeId = token.kind === 'ok' ? token.workload : '';
      return admitProxy(token, { nodeId, nodeCluster: vaultOf(nodeId), snapshot: snapshot() });
    },
  };
}

function vaultOf(workload: string): string {
  return workload.slice(0, workload.indexOf('/'));
}

function refusedBy(token: Exclude<BearerVerdict, { kind: 'ok' }>) {
  if (token.kind === 'unanswered') return nobodyCanSay;
  return { kind: 'refused', status: 'UNAUTHENTICATED', reason: `token refused: ${token.reason}` } as const;
}
