/**
 * The control plane: reads the mesh, issues what it needs, and serves every sidecar its own configuration over ADS.
 *
 *   folder ──▶ loop ──▶ xDS cache ──▶ ADS over TLS ──▶ Envoy          CA ──▶ leaves, tokens, workload files
 *
 * This is a composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { pino } from 'pino';
import { openHealthDoor } from './admin/health-door.ts';
import { DoorRefused } from './admin/management-door.ts';
import { openManagement } from './admin/open-management.ts';
import { askLeader } from './compose/ask-leader.ts';
import { type ControlPlane, formatEndpoint, openControlPlane, StartRefused } from './compose/control-plane.ts';
import { openTelemetry } from './compose/open-telemetry.ts';
import { type Config, type MeshSource, readConfig } from './config.ts';
import { logReport } from './controller/log-report.io.ts';
import { LossGuard } from './controller/loss-guard.ts';
import type { FolderContents } from './folder/folder-state.ts';
import { watchFolder, watchFolderDefaults } from './folder/watch-folder.ts';
import { StateError } from './identity/state-error.ts';
import { watchCluster, watchClusterDefaults } from './kube/inform/watch-cluster.ts';
import { KubeAccessRefused, type KubeClient, openKubeClient } from './kube/kube-client.ts';
import { buildSnapshot } from './model/build-snapshot.ts';
import type { Snapshot } from './model/snapshot.ts';
import { SnapshotBuilder } from './model/snapshot-builder.ts';
import type { SourcedObject } from './model/sourced-object.ts';
import { systemClock } from './system-clock.ts';
import { SnapshotCache } from './xds/cache.ts';

const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });

const result = readConfig(process.argv.slice(2), process.env);
if (result.kind === 'refused') {
  for (const problem of result.problems) console.error(problem);
  process.exitCode = 2;
} else {
  await run(result.config).catch((error: unknown) => {
    // A damaged state folder speaks for itself; anything else is ours, and its stack is wanted.
    const told = [StateError, StartRefused, DoorRefused, KubeAccessRefused].some((kind) => error instanceof kind);
    if (told && error instanceof Error) console.error(error.message);
    else log.fatal({ err: error }, 'the control plane could not start');
    process.exitCode = 1;
  });
}

async function run(config: Config): Promise<void> {
  log.level = config.logLevel;
  const stop = stopSignal();
  const cluster = config.source.kind === 'folder' ? undefined : openKubeClient(config.source);
  const report = logReport(log);
  const cache = new SnapshotCache();
  const guard = new LossGuard();
  const builder = new SnapshotBuilder();
  let read: readonly SourcedObject[] = [];
  let objects: readonly SourcedObject[] = [];
  let latest: Snapshot | undefined;
  let sourceProblems: Parameters<typeof report.problems>[0] = [];
  let control: ControlPlane | undefined;
  let starting: Promise<void> | undefined;
  const xdsAddress = formatEndpoint(config.xds);
  const telemetry = openTelemetry({
    ...{ env: process.env, log },
    snapshot: () => latest,
    certificateOf: (spiffeId) => control?.authority.leaf(spiffeId),
    serverCertificate: () => control?.authority.serverCredentials(),
    drills: () => control?.drills.engine,
    evidence: {
      queued: () => control?.evidence.recorder.waiting.events ?? 0,
      lost: () => sum(control?.evidence.recorder.losses.values() ?? []),
      blocked: () => control?.evidence.store.blocked(),
      head: () => control?.evidence.store.head(),
    },
    sinks: () => control?.evidence.sinks.states() ?? [],
  });
  const management = await openManagement({
    ...config,
    nowMs: systemClock.nowMs,
    view: () => ({
      ready: cache.isReady(),
      snapshot: latest && { ...latest, problems: [...latest.problems, ...(control?.loop.problems() ?? [])] },
      xds: xdsAddress,
      clients: control?.peers.clients() ?? [],
      certificateOf: (spiffeId) => control?.authority.leaf(spiffeId),
      evidence: control && {
        head: control.evidence.store.head()?.position ?? 0,
        blocked: control.evidence.store.blocked(),
        sinks: control.evidence.sinks.states(),
      },
    }),
    wholeSnapshot: () => latest && buildSnapshot(objects, undefined, control?.quarantines.keeper.standing()),
    rotations: () => control?.rotations,
    confirmLoss(loss) {
      const answer = guard.confirm(loss);
      if (answer.kind === 'confirmed') takeObjects();
      return answer;
    },
    drills: () => control?.drills.engine,
    askLeader: async (question) => control && askLeader(control.peers)(question),
    evidence: () => control?.evidence.desk,
    quarantines: () => control?.quarantines.desk,
    proxies: () => control && { eyes: control.eyes, sent },
    metrics: telemetry.metrics,
    observe(event) {
      log.info(event, 'management');
      telemetry.door(event);
    },
    called: (call) => control?.called(call),
  });
  const health = config.health && (await openHealthDoor(config.health, () => cache.isReady()));

  /** The trust domain is written in the mesh, so the CA cannot be opened before the mesh has been read. */
  async function start(trustDomain: string): Promise<void> {
    control = await openControlPlane({
      ...{ config, trustDomain, log, cache, telemetry, report, snapshotNow, cluster, signal: stop.signal },
      snapshot: () => latest,
      objects: () => objects,
      rotated: (credentials) => management.rotate(credentials),
    });
    const { loop, authority, records } = control;
    loop.lookAgain();
    await loop.settled();
    const admin = await management.openPort(authority, records);
    log.info({ xds: xdsAddress, source: config.source, admin }, 'serving');
  }

  /** As its newest stream is shown it: what a drill has laid over is only for those that take a TTL. */
  function sent(workload: string) {
    const client = control?.xds.status().findLast(({ key }) => key === workload);
    return cache.get(workload, () => client?.takesTtl ?? false);
  }

  function snapshotNow(): Snapshot {
    telemetry.lookBegan();
    const snapshot = builder.build(objects, systemClock.nowMs(), control?.quarantines.keeper.standing());
    latest = { ...snapshot, problems: [...sourceProblems, ...guard.problems(), ...snapshot.problems] };
    control?.drills.lookAgain();
    control?.evidence.lookAgain();
    control?.inCluster?.lookAgain();
    return latest;
  }

  function takeObjects(): void {
    objects = guard.take(read);
    control?.loop.lookAgain();
  }

  await follow(
    config.source,
    cluster,
    (contents) => {
      read = contents.objects;
      sourceProblems = contents.problems;
      takeObjects();
      if (control !== undefined) return;
      const { mesh, problems } = snapshotNow();
      if (problems.some(({ code }) => code === 'missing-mesh')) return report.problems(problems);
      starting ??= start(mesh.trustDomain).catch(stop.because);
    },
    stop.signal,
  );
  await starting;
  await health?.close();
  await management.close();
  await control?.close();
  await telemetry.close();
  await cluster?.close();
  if (stop.cause !== undefined) throw stop.cause;
}

/** Tells `onChange` whatever the source holds, until `signal` is aborted. */
async function follow(
  source: MeshSource,
  cluster: KubeClient | undefined,
  onChange: (contents: FolderContents) => void,
  signal: AbortSignal,
): Promise<void> {
  if (source.kind === 'folder') return watchFolder(source.folder, watchFolderDefaults, onChange, signal);
  if (cluster !== undefined) return watchCluster(cluster, watchClusterDefaults, onChange, signal);
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, each) => total + each, 0);
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
