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
import { logReport, logXdsEvents } from './controller/log-report.io.ts';
import { Loop } from './controller/loop.io.ts';
import { LossGuard } from './controller/loss-guard.ts';
import { Rollout } from './controller/rollout.io.ts';
import { logRotations } from './controller/rotation-report.io.ts';
import { Rotations } from './controller/rotations.ts';
import { authzServerName } from './envoy/ext-authz.ts';
import { equipWorkloads } from './equip-workloads.ts';
import { watchFolder, watchFolderDefaults } from './folder/watch-folder.ts';
import type { GrpcServer } from './grpc/grpc-server.ts';
import { type Authority, defaultServerDnsName } from './identity/authority.ts';
import type { Leaf } from './identity/leaf.ts';
import { openAuthority } from './identity/open-authority.io.ts';
import { StateError } from './identity/state-error.ts';
import { systemPorts } from './identity/system-ports.io.ts';
import { ProxyDoor } from './inspect/proxy-door.io.ts';
import { ProxyEyes } from './inspect/proxy-eyes.io.ts';
import { buildSnapshot } from './model/build-snapshot.ts';
import type { Snapshot } from './model/snapshot.ts';
import type { SourcedObject } from './model/sourced-object.ts';
import { type Drills, openDrills } from './open-drills.ts';
import { serveProxies } from './serve-proxies.ts';
import { systemClock } from './system-clock.ts';
import { SnapshotCache } from './xds/cache.ts';
import type { XdsService } from './xds/server.io.ts';
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
  readonly rollout: Rollout;
  readonly drills: Drills;
  readonly door: ProxyDoor;
  readonly eyes: ProxyEyes;
}

async function run(config: Config): Promise<void> {
  const stop = stopSignal();
  const report = logReport(log);
  const cache = new SnapshotCache();
  const guard = new LossGuard();
  let read: readonly SourcedObject[] = [];
  let objects: readonly SourcedObject[] = [];
  let latest: Snapshot | undefined;
  let folderProblems: Parameters<typeof report.problems>[0] = [];
  let control: ControlPlane | undefined;
  let starting: Promise<void> | undefined;
  const logXds = logXdsEvents(log);
  const observeXds = (event: XdsEvent) => {
    logXds(event);
    control?.rotations.heard(event);
    control?.drills.heard(event);
    // It may answer with a configuration for the very stream that is telling.
    queueMicrotask(() => control?.rollout.heard(event));
  };
  const xdsAddress = formatEndpoint(config.xds);
  const management = await openManagement({
    ...config,
    nowMs: systemClock.nowMs,
    view: () => ({
      ready: cache.isReady(),
      snapshot: latest && { ...latest, problems: [...latest.problems, ...(control?.loop.problems() ?? [])] },
      xds: xdsAddress,
      clients: control?.xds.status() ?? [],
      certificateOf: (spiffeId) => control?.authority.leaf(spiffeId),
    }),
    wholeSnapshot: () => latest && buildSnapshot(objects),
    rotations: () => control?.rotations,
    confirmLoss(loss) {
      const answer = guard.confirm(loss);
      if (answer.kind === 'confirmed') takeObjects();
      return answer;
    },
    drills: () => control?.drills.engine,
    evidence: () => undefined,
    proxies: () => control && { eyes: control.eyes, sent },
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
    const { server, xds, admit } = serveProxies({
      ...{ address: xdsAddress, authority, snapshots: cache },
      snapshot: () => latest,
      observe: observeXds,
    });
    const door = new ProxyDoor({
      credentials: () => authority.clientCredentials(),
      anchorsOf: (tenant) => authority.bundlePem(tenant),
    });
    const eyes = new ProxyEyes(door, (key) => {
      const workload = latest?.workloads.get(key);
      const address = workload?.addresses[0];
      return workload && address !== undefined ? { ...workload, address } : undefined;
    });
    const drills = openDrills({
      ...{ stateFolder: config.state, cache, eyes, server, admit, log },
      clients: () => xds.status(),
      snapshot: () => latest,
    });
    const bound = await server.bind();
    if (bound.kind !== 'bound') throw new StartRefused(`${bound.message}; ${bound.advice}`);
    let rotated = authority.serverCredentials();
    const equip = equipWorkloads(config, authority);
    const rotations = new Rotations({
      authority,
      clients: () => xds.status(),
      lookAgain: () => loop.lookAgain(),
      report: logRotations(log),
    });
    const rollout = new Rollout({ clock: systemClock, cache, refusalsChanged: () => loop.tellProblems() });
    const loop: Loop = new Loop({
      clock: systemClock,
      platform: {
        bypass: config.bypass,
        authz: config.authz,
        evidence: config.evidence,
        systemCaFile: config.systemCaFile,
      },
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
      rollout,
      report,
    });
    control = { authority, loop, server, xds, rotations, rollout, drills, door, eyes };
    loop.lookAgain();
    await loop.settled();
    const admin = await management.openPort(authority);
    log.info({ xds: xdsAddress, folder: config.folder, admin }, 'serving');
  }

  /** As its newest stream is shown it: what a drill has laid over is only for those that take a TTL. */
  function sent(workload: string) {
    const client = control?.xds.status().findLast(({ key }) => key === workload);
    return cache.get(workload, () => client?.takesTtl ?? false);
  }

  function snapshotNow(): Snapshot {
    const snapshot = buildSnapshot(objects, systemClock.nowMs());
    latest = { ...snapshot, problems: [...folderProblems, ...guard.problems(), ...snapshot.problems] };
    control?.drills.lookAgain();
    return latest;
  }

  function takeObjects(): void {
    objects = guard.take(read);
    control?.loop.lookAgain();
  }

  await watchFolder(
    config.folder,
    watchFolderDefaults,
    (contents) => {
      read = contents.objects;
      folderProblems = contents.problems;
      takeObjects();
      if (control !== undefined) return;
      const { mesh, problems } = snapshotNow();
      if (problems.some(({ code }) => code === 'missing-mesh')) return report.problems(problems);
      starting ??= start(mesh.trustDomain).catch(stop.because);
    },
    stop.signal,
  );
  await starting;
  await management.close();
  control?.drills.stop();
  control?.rollout.stop();
  await control?.loop.stop();
  await control?.server.close(shutdownGraceMs);
  await control?.door.close();
  if (stop.cause !== undefined) throw stop.cause;
}

/** Keys leave the CA here, for the SDS secret of their owner and nothing else. */
function revealed(leaf: Leaf | undefined) {
  return leaf && { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
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
