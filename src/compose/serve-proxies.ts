/**
 * What proxies reach of the control plane: configuration, status and their own reports, on one port, each by its token.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { admitProxy } from '../controller/admit-proxy.ts';
import { createGrpcServer, type GrpcServer } from '../grpc/grpc-server.ts';
import { tokenHeader } from '../grpc/peer.ts';
import type { Authority } from '../identity/authority.ts';
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
  readonly authority: Authority;
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
  header(name: string): string | undefined;
}

/** Not bound yet: whoever has a service to add adds it first. */
export function serveProxies({ address, authority, snapshots, snapshot, observe }: ProxyServerParts): ProxyServer {
  const tls = authority.serverCredentials();
  if (tls === undefined) throw new Error('the CA has no certificate for the control plane itself');
  const server = createGrpcServer({ address, tls, requireClientCertificate: false });
  const verified = ({ header }: WithHeaders) => authority.tokens.verifyToken(header(tokenHeader) ?? '');
  const xds = createXdsService({
    identifier: 'coffre',
    clock: drillClock,
    snapshots,
    observe,
    async greet(stranger) {
      const token = await verified(stranger);
      return token.kind === 'ok' ? { kind: 'heard', holder: token.workload } : refused(token.reason);
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
      if (token.kind !== 'ok') return refused(token.reason);
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

function refused(reason: string) {
  return { kind: 'refused', status: 'UNAUTHENTICATED', reason: `token refused: ${reason}` } as const;
}
