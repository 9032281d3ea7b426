/**
 * What exists once the mesh has been read: CA, evidence, the ports that proxies reach, drills, and the loop over all.
 *
 *   snapshot ──▶ loop ──▶ xDS cache ──▶ ADS over TLS ──▶ Envoy ──access log over mutual TLS──▶ evidence
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import { recordCalls } from '../admin/human-actions.ts';
import type { Config, SocketEndpoint } from '../config.ts';
import { logDrills } from '../controller/drill-report.io.ts';
import { recordCertificates } from '../controller/evidence-of-certificates.io.ts';
import { recordLoop, reportToAll } from '../controller/evidence-of-loop.io.ts';
import { recordRotations } from '../controller/evidence-of-rotations.io.ts';
import { recordXds } from '../controller/evidence-of-xds.io.ts';
import { logXdsEvents } from '../controller/log-report.io.ts';
import { Loop, type LoopReport } from '../controller/loop.io.ts';
import { Rollout } from '../controller/rollout.io.ts';
import { logRotations } from '../controller/rotation-report.io.ts';
import { Rotations } from '../controller/rotations.ts';
import { authzServerName } from '../envoy/ext-authz.ts';
import { defaultServerDnsName } from '../identity/authority.ts';
import type { Leaf } from '../identity/leaf.ts';
import { openAuthority } from '../identity/open-authority.io.ts';
import { systemPorts } from '../identity/system-ports.io.ts';
import { ProxyDoor } from '../inspect/proxy-door.io.ts';
import { ProxyEyes } from '../inspect/proxy-eyes.io.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { webhookServerName } from '../kube/webhook/webhook-configurations.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import { drillClock, systemClock } from '../system-clock.ts';
import type { SnapshotCache } from '../xds/cache.ts';
import { createLoadService } from '../xds/load-service.io.ts';
import type { XdsEvent } from '../xds/xds-event.ts';
import { answerFollower } from './ask-leader.ts';
import { Closers } from './closers.ts';
import { chainJournal } from './drill-journal.ts';
import { equipWorkloads } from './equip-workloads.ts';
import { hearProxies } from './hear-proxies.ts';
import { openAttest } from './open-attest.ts';
import { openCluster } from './open-cluster.ts';
import { openDrills } from './open-drills.ts';
import { openEvidence } from './open-evidence.ts';
import { openLeadership } from './open-leadership.ts';
import { openPeers } from './open-peers.ts';
import { openQuarantines } from './open-quarantines.ts';
import { openRecords } from './open-records.ts';
import type { ControlPlaneTelemetry } from './open-telemetry.ts';
import { serveProxies } from './serve-proxies.ts';

/** Time that open streams get to end at shutdown, in ms. Sidecars keep what they have and come back. */
const shutdownGraceMs = 2_000;

/** Something the operator must mend before a start; the message says what and how. */
export class StartRefused extends Error {}

export interface ControlPlaneHost {
  readonly config: Config;
  readonly trustDomain: string;
  /** Where the mesh is read from a cluster. */
  readonly cluster: KubeClient | undefined;
  readonly log: Logger;
  readonly cache: SnapshotCache;
  readonly telemetry: ControlPlaneTelemetry;
  /** The process is to end: nothing is waited for at the start any more. */
  readonly signal: AbortSignal;
  /** What the loop tells beside what becomes evidence. */
  readonly report: LoopReport;
  /** Newest; undefined until the sources have been read. */
  snapshot(): Snapshot | undefined;
  /** Reads the sources again. */
  snapshotNow(): Snapshot;
  /** What the newest snapshot was made of. */
  objects(): readonly SourcedObject[];
  /** The control plane's own certificate is a new one. */
  rotated(credentials: Leaf): void;
}

export type ControlPlane = Awaited<ReturnType<typeof openControlPlane>>;

/** @throws StateError, StartRefused. What was opened until then is closed again. */
export async function openControlPlane(host: ControlPlaneHost) {
  const { config, log, cache, telemetry, snapshot } = host;
  const closers = new Closers();
  const close = () => closers.close();
  try {
    return { ...(await open()), close };
  } catch (error) {
    await close().catch((err: unknown) => log.error({ err }, 'the start was given up'));
    throw error;
  }

  async function open() {
    let inCluster: ReturnType<typeof openCluster> | undefined;
    const peersAddress = config.peers && formatEndpoint(config.peers);
    const leadership = openLeadership({ cluster: host.cluster, name: config.replica, address: peersAddress, log });
    closers.push(() => leadership.close());
    const { records, ...shared } = await openRecords({ config, cluster: host.cluster, log, signal: host.signal });
    closers.push(() => shared.close());
    const authority = await openAuthority({
      ...{ records, leads: () => leadership.term() !== undefined },
      stateFolder: config.state,
      ...(config.stateKeyFile === undefined ? {} : { keyFile: config.stateKeyFile }),
      trustDomain: host.trustDomain,
      serverDnsNames: [
        defaultServerDnsName,
        authzServerName,
        ...(host.cluster === undefined ? [] : [webhookServerName]),
      ],
      ports: systemPorts,
    });
    const evidence = await openEvidence({
      ...{ ...config, stateFolder: config.state, outliving: host.cluster && records, log },
      rules: () => snapshot()?.mesh.evidence,
      recorded: telemetry.recorded,
    });
    closers.push(() => evidence.close());
    const { teller, seal, store } = evidence;
    const quarantines = await openQuarantines({
      ...{ records, evidence, log, snapshot },
      lookAgain: () => loop.lookAgain(),
    });
    closers.push(() => quarantines.stop());
    const xdsEvidence = recordXds(teller);
    closers.push(() => xdsEvidence.stop());
    const logXds = logXdsEvents(log);
    const attest =
      host.cluster &&
      openAttest({
        ...{ cluster: host.cluster, objects: host.objects },
        judgeAgain: (clients) => xds.judgeAgain(clients),
        problemsChanged: () => loop.tellProblems(),
      });
    const bearers = attest?.bearers ?? { judgeBearer: (token: string) => authority.tokens.verifyToken(token) };
    const { server, xds, admit } = serveProxies({
      ...{ address: formatEndpoint(config.xds), authority, bearers, snapshots: cache, snapshot },
      observe(event: XdsEvent) {
        logXds(event);
        telemetry.xds(event);
        xdsEvidence.heard(event);
        rotations.heard(event);
        peers.heard(event);
        // It may answer with a configuration for the very stream that is telling.
        queueMicrotask(() => rollout.heard(event));
      },
    });
    const door = new ProxyDoor({
      credentials: () => authority.clientCredentials(),
      anchorsOf: (tenant) => authority.bundlePem(tenant),
    });
    closers.push(() => door.close());
    const eyes = new ProxyEyes(door, (key) => {
      const workload = snapshot()?.workloads.get(key);
      const address = workload?.addresses[0];
      return workload && address !== undefined ? { ...workload, address } : undefined;
    });
    const drillReport = logDrills(log);
    const loads = createLoadService({
      ...{ admit, clock: systemClock, observe: drillReport.reportStream },
      reported: (load) => peers.loaded(load),
    });
    loads.addTo(server);
    const peers = openPeers({
      ...{ replica: config.replica, address: peersAddress, leadership, authority, cache, log },
      clients: () => xds.status(),
      tallies: () => inCluster?.status.tallies() ?? [],
      answer: (question) => answerFollower(drills.engine, question),
      watchLoads: (proxies, cluster) => loads.watch(proxies, cluster),
    });
    closers.push(() => peers.stop());
    const drills = openDrills({
      ...{ peers, leadership, eyes, snapshot, report: drillReport },
      journal: chainJournal(store, seal, config.state),
      reports: evidence.reports,
    });
    closers.push(
      // First our own drills end, and then nobody is reached any more by whom they struck.
      leadership.onChange(() => {
        drills.lookAgain();
        peers.lookAgain();
      }),
    );
    const reports = hearProxies({
      ...{ address: formatEndpoint(config.evidence), authority, admit, eyes, teller, snapshot },
      logged: peers.logged,
      observe: drillReport.reportStream,
    });
    closers.push(() => reports.stop());
    const rotations = new Rotations({
      authority,
      clients: () => xds.status(),
      others: peers.trust,
      leads: () => leadership.term() !== undefined,
      published: peers.published,
      lookAgain: () => loop.lookAgain(),
      report: logRotations(log),
    });
    const rollout = new Rollout({ clock: drillClock, cache, refusalsChanged: () => loop.tellProblems() });
    // In a cluster injection and the kubelet equip a pod.
    const equip = host.cluster === undefined ? equipWorkloads(config, authority) : async () => Number.POSITIVE_INFINITY;
    let rotated = authority.serverCredentials();
    const loop: Loop = new Loop({
      clock: systemClock,
      platform: config,
      ...(attest === undefined ? {} : { workers: () => attest.workers() }),
      snapshot: host.snapshotNow,
      trust: {
        trustDomain: authority.trustDomain,
        rootPem: authority.rootPem,
        bundlePem: (tenant) => authority.bundlePem(tenant),
        leaf: (spiffeId) => revealed(authority.leaf(spiffeId)),
        workerIdentity: () => revealed(authority.serverCredentials(authzServerName)),
        ensure: recordCertificates(teller, authority),
        nextRenewalMs: () => authority.nextRenewalMs(),
      },
      async equip(snapshot) {
        const credentials = authority.serverCredentials();
        if (credentials !== undefined && credentials !== rotated) {
          server.rotate(credentials);
          reports.rotate();
          peers.rotate();
          host.rotated(credentials);
        }
        rotated = credentials;
        return equip(snapshot);
      },
      rotations: recordRotations(teller, rotations),
      proxies: cache,
      rollout,
      report: telemetry.counted(reportToAll(host.report, recordLoop(teller, host.objects))),
      otherProblems: () => inCluster?.problems() ?? [],
    });
    const servers = [server, reports.server, ...(peers.server === undefined ? [] : [peers.server])];
    for (const listening of servers) {
      const bound = await listening.bind();
      if (bound.kind !== 'bound') throw new StartRefused(`${bound.message}; ${bound.advice}`);
    }
    closers.push(
      () => Promise.all(servers.map((each) => each.close(shutdownGraceMs))),
      () => loop.stop(),
      () => rollout.stop(),
      () => drills.stop(),
    );
    inCluster =
      host.cluster &&
      openCluster({
        ...{ cluster: host.cluster, attest, authority, leadership, log, snapshot, records, stateFolder: config.state },
        ...{ objects: host.objects, handing: rollout, clients: () => xds.status(), drills: () => drills.engine },
        allProblems: () => [...(snapshot()?.problems ?? []), ...loop.problems()],
        webhook: config.webhook,
        otherTallies: peers.tallies,
        problemsChanged: () => loop.tellProblems(),
      });
    closers.push(() => inCluster?.close());
    const refusal = await inCluster?.listen();
    if (refusal !== undefined) throw new StartRefused(refusal);
    shared.follow((record) => {
      authority.recordChanged(record);
      quarantines.recordChanged(record);
      loop.lookAgain();
    });
    // Rotations that are due are for the leader to begin.
    closers.push(leadership.onChange(() => loop.lookAgain()));
    const hasTenant = (name: string) => snapshot()?.tenants.has(name) ?? false;
    return {
      ...{ authority, records, loop, xds, peers, rotations, drills, evidence, eyes, quarantines, inCluster },
      /** Told of each call at the management door before it is answered. */
      called: recordCalls({ ...teller, seal, hasTenant, settled: () => evidence.recorder.settled() }),
    };
  }
}

/** Keys leave the CA here, for the SDS secret of their owner and nothing else. */
function revealed(leaf: Leaf | undefined) {
  return leaf && { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
}

export function formatEndpoint({ address, port }: SocketEndpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
