/**
 * The drills of one control plane, joined to what they act through and what they see by.
 *
 *   DrillRunner ──▶ overlay on RTDS, here and at the followers (peers)   ◀── ACK, NACK (peers), runtime and config (inspect)
 *               ──▶ journal on the evidence                              ◀── load reports, access log (peers), probes
 *
 * Every replica has an engine, and only the leader's begins anything: the others end what they themselves had begun.
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { DrillEngine } from '../chaos/drill-engine.ts';
import type { Journal } from '../chaos/journal.ts';
import type { ReportEvidence } from '../chaos/ports.ts';
import { createProbeReader } from '../chaos/probe/probe-reader.io.ts';
import { DrillRunner } from '../chaos/runner.io.ts';
import type { DrillReport } from '../controller/drill-report.io.ts';
import { OpenStreams } from '../controller/open-streams.ts';
import type { ProxyEyes } from '../inspect/proxy-eyes.io.ts';
import type { Leadership } from '../kube/lease/leadership.ts';
import { defaultDrillRules } from '../model/drill.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { ProxyNews } from '../peers/proxy-news.ts';
import { drillClock, systemClock } from '../system-clock.ts';
import type { Peers } from './open-peers.ts';

export interface DrillHost {
  readonly journal: Journal;
  readonly reports: ReportEvidence;
  /** Every proxy of the mesh, whichever replica serves it. */
  readonly peers: Pick<Peers, 'clients' | 'layers' | 'watchLoads' | 'attend' | 'lever' | 'listen'>;
  readonly leadership: Leadership;
  snapshot(): Snapshot | undefined;
  readonly eyes: ProxyEyes;
  readonly report: DrillReport;
}

export interface Drills {
  readonly engine: DrillEngine;
  /** The mesh changed, or who leads: consents, rules and the right to drill may have. */
  lookAgain(): void;
  stop(): void;
}

export function openDrills(host: DrillHost): Drills {
  const { peers, leadership, snapshot, eyes, journal, reports, report } = host;
  const probes = createProbeReader({
    clock: systemClock,
    rules: () => snapshot()?.mesh.drills ?? defaultDrillRules,
    watchLoads: peers.watchLoads,
    observe: report.probe,
  });
  const streams = new OpenStreams();
  const runner = new DrillRunner({
    clock: drillClock,
    snapshot,
    outranked: () => outranked(leadership),
    // Measured: in state of the world Envoy renews no TTL by a heartbeat, and the fault would end after the first.
    connected: () =>
      new Map(
        peers.clients().map(({ key, takesTtl, protocol }) => [key, { takesTtl: takesTtl && protocol === 'delta' }]),
      ),
    layers: peers.layers,
    eyes,
    probes,
    journal,
    evidence: reports,
    observe(event) {
      report.drill(event);
      if (event.kind === 'lever') peers.lever(event.lever);
      // Told in the middle of a step; what is under way is known behind it.
      if (event.kind === 'told') queueMicrotask(() => peers.attend(runner.isUnderWay()));
    },
  });

  function news(told: ProxyNews): void {
    const { kind, proxy } = told;
    if (kind === 'accepted') runner.accepted(proxy, told.resources);
    else if (kind === 'refused') runner.refused(proxy, told.why);
    else if (kind === 'lapsed') runner.lapsed(proxy);
    else if (kind === 'opened') {
      // A second stream is that of a proxy whose first has been dead for a while, unnoticed here.
      if (streams.opened(proxy) > 1) runner.lapsed(proxy);
      runner.returned(proxy);
    } else if (streams.closed(proxy) === 0) runner.left(proxy);
  }

  const lever = runner.lever();
  if (lever !== undefined) peers.lever(lever);
  peers.listen({
    news,
    load: (load) => probes.load(load),
    record: (record) => probes.record(record),
    lever(moved) {
      runner.takeLever(moved);
      peers.lever(moved);
    },
  });
  return {
    engine: runner,
    lookAgain: () => runner.lookAgain(),
    stop() {
      runner.stop();
      journal.close();
    },
  };
}

function outranked(leadership: Leadership) {
  if (leadership.term() !== undefined) return undefined;
  const leader = leadership.leader();
  const message =
    leader === undefined ? 'no replica leads now' : `the replica \`${leader.name}\` leads, and this one does not`;
  return { message, advice: 'only the leader runs drills: ask it, or wait until there is one' };
}
