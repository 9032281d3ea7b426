/**
 * The control plane: reads the mesh, issues what it needs, and serves every sidecar its own configuration over ADS.
 *
 *   folder ──▶ loop ──▶ xDS cache ──▶ ADS over TLS ──▶ Envoy          CA ──▶ leaves, tokens, workload files
 *
 * This is a composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { pino } from 'pino';
import { DoorRefused } from './admin/management-door.ts';
import { openManagement } from './admin/open-management.ts';
import { type Config, readConfig, type SocketEndpoint } from './config.ts';
import { admitProxy } from './controller/admit-proxy.ts';
import { logReport, logXdsEvents } from './controller/log-report.io.ts';
import { Loop } from './controller/loop.io.ts';
import { logRotations } from './controller/rotation-report.io.ts';
import { Rotations } from './controller/rotations.ts';
import { authzServerName } from './envoy/ext-authz.ts';
import { equipWorkloads } from './equip-workloads.ts';
import { watchFolder, watchFolderDefaults } from './folder/watch-folder.ts';
import { createGrpcServer, type GrpcServer } from './grpc/grpc-server.ts';
import { tokenHeader } from './grpc/peer.ts';
import { type Authority, defaultServerDnsName } from './identity/authority.ts';
import type { Leaf } from './identity/leaf.ts';
import { openAuthority } from './identity/open-authority.io.ts';
import { StateError } from './identity/state-error.ts';
import { systemPorts } from './identity/system-ports.io.ts';
import { buildSnapshot } from './model/build-snapshot.ts';
import type { Snapshot } from './model/snapshot.ts';
import type { SourcedObject } from './model/sourced-object.ts';
import { systemClock } from './system-clock.ts';
import { SnapshotCache } from './xds/cache.ts';
import { createXdsService, type XdsService } from './xds/server.io.ts';
import type { XdsEvent } from './xds/xds-event.ts';

/** Time that open streams get to end at shutdown, in ms. Sidecars keep what they have and come back. */
const shutdownGraceMs = 2_000;

/** Something the operator must mend before a start; the message says what and how. */
class StartRefused extends Error {}

const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });

const result = readConfig(process.argv.slice(2), process.env);
if (result.kind === 'refused') {
  for (const problem of result.problems) console.error(problem);
  process.exitCode = 2;
} else {
  await run(result.config).catch((error: unknown) => {
    // A damaged state folder speaks for itself; anything else is ours, and its stack is wanted.
    const told = [StateError, StartRefused, DoorRefused].some((kind) => error instanceof kind);
    if (told && error instanceof Error) console.error(error.message);
    else log.fatal({ err: error }, 'the control plane could not start');
    process.exitCode = 1;
  });
}

/** What exists once the mesh has been read. */
interface ControlPlane {
  readonly authority: Authority;
  readonly loop: Loop;
  readonly server: GrpcServer;
  readonly xds: XdsService;
  readonly rotations: Rotations;
}

async function run(config: Config): Promise<void> {
  const stop = stopSignal();
  const report = logReport(log);
  const cache = new SnapshotCache();
  let objects: readonly SourcedObject[] = [];
  let latest: Snapshot | undefined;
  let folderProblems: Parameters<typeof report.problems>[0] = [];
  let control: ControlPlane | undefined;
  let starting: Promise<void> | undefined;
  const logXds = logXdsEvents(log);
  const observeXds = (event: XdsEvent) => {
    logXds(event);
    control?.rotations.heard(event);
  };
  const xdsAddress = formatEndpoint(config.xds);
  const management = await openManagement({
    ...config,
    nowMs: systemClock.nowMs,
    view: () => ({
      ready: cache.isReady(),
      snapshot: latest,
      xds: xdsAddress,
      clients: control?.xds.status() ?? [],
      certificateOf: (spiffeId) => control?.authority.leaf(spiffeId),
    }),
    wholeSnapshot: () => latest && buildSnapshot(objects),
    rotations: () => control?.rotations,
    observe: (event) => log.info(event, 'management'),
  });

  /** The trust domain is written in the mesh, so the CA cannot be opened before the mesh has been read. */
  async function start(trustDomain: string): Promise<void> {
    const authority = await openAuthority({
      stateFolder: config.state,
      ...(config.stateKeyFile === undefined ? {} : { keyFile: config.stateKeyFile }),
      trustDomain,
      serverDnsNames: [defaultServerDnsName, authzServerName],
      ports: systemPorts,
    });
    const { server, xds } = await serveXds(config, authority, cache, () => latest, observeXds);
    let rotated = authority.serverCredentials();
    const equip = equipWorkloads(config, authority);
    const rotations = new Rotations({
      authority,
      clients: () => xds.status(),
      lookAgain: () => loop.lookAgain(),
      report: logRotations(log),
    });
    const loop: Loop = new Loop({
      clock: systemClock,
      platform: { bypass: config.bypass, authz: config.authz, systemCaFile: config.systemCaFile },
      snapshot: snapshotNow,
      trust: {
        trustDomain: authority.trustDomain,
        rootPem: authority.rootPem,
        bundlePem: (tenant) => authority.bundlePem(tenant),
        leaf: (spiffeId) => revealed(authority.leaf(spiffeId)),
        workerIdentity: () => revealed(authority.serverCredentials(authzServerName)),
        ensure: (wanted) => authority.ensure(wanted),
        nextRenewalMs: () => authority.nextRenewalMs(),
      },
      async equip(snapshot) {
        const credentials = authority.serverCredentials();
        if (credentials !== undefined && credentials !== rotated) {
          server.rotate(credentials);
          management.rotate(credentials);
        }
        rotated = credentials;
        return equip(snapshot);
      },
      rotations,
      proxies: cache,
      report,
    });
    control = { authority, loop, server, xds, rotations };
    loop.lookAgain();
    await loop.settled();
    const admin = await management.openPort(authority);
    log.info({ xds: xdsAddress, folder: config.folder, admin }, 'serving');
  }

  function snapshotNow(): Snapshot {
    const snapshot = buildSnapshot(objects, systemClock.nowMs());
    latest = { ...snapshot, problems: [...folderProblems, ...snapshot.problems] };
    return latest;
  }

  await watchFolder(
    config.folder,
    watchFolderDefaults,
    (contents) => {
      objects = contents.objects;
      folderProblems = contents.problems;
      if (control !== undefined) return control.loop.lookAgain();
      const { mesh, problems } = snapshotNow();
      if (problems.some(({ code }) => code === 'missing-mesh')) return report.problems(problems);
      starting ??= start(mesh.trustDomain).catch(stop.because);
    },
    stop.signal,
  );
  await starting;
  await management.close();
  await control?.loop.stop();
  await control?.server.close(shutdownGraceMs);
  if (stop.cause !== undefined) throw stop.cause;
}

/** Keys leave the CA here, for the SDS secret of their owner and nothing else. */
function revealed(leaf: Leaf | undefined) {
  return leaf && { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
}

async function serveXds(
  config: Config,
  authority: Authority,
  snapshots: SnapshotCache,
  snapshot: () => Snapshot | undefined,
  observe: (event: XdsEvent) => void,
): Promise<Pick<ControlPlane, 'server' | 'xds'>> {
  const tls = authority.serverCredentials();
  if (tls === undefined) throw new Error('the CA has no certificate for the control plane itself');
  const server = createGrpcServer({
    address: formatEndpoint(config.xds),
    tls,
    requireClientCertificate: false,
  });
  const xds = createXdsService({
    identifier: 'coffre',
    clock: systemClock,
    snapshots,
    observe,
    async greet({ header }) {
      const token = await authority.tokens.verifyToken(header(tokenHeader) ?? '');
      if (token.kind === 'ok') return { kind: 'heard', holder: token.workload };
      return { kind: 'refused', status: 'UNAUTHENTICATED', reason: `token refused: ${token.reason}` };
    },
    async authenticate({ node, header }) {
      const token = await authority.tokens.verifyToken(header(tokenHeader) ?? '');
      return admitProxy(token, { nodeId: node.id, nodeCluster: node.cluster, snapshot: snapshot() });
    },
  });
  server.addDefinition(xds.definition, xds.implementation);
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new StartRefused(`${bound.message}; ${bound.advice}`);
  return { server, xds };
}

function formatEndpoint({ address, port }: SocketEndpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** SIGTERM and SIGINT, once; and the error that ends the process. */
function stopSignal() {
  const controller = new AbortController();
  const state = {
    signal: controller.signal,
    cause: undefined as unknown,
    because(cause: unknown) {
      state.cause = cause;
      controller.abort();
    },
  };
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => controller.abort());
  return state;
}
