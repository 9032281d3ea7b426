/**
 * What real Envoys make of what they are told: how long until they act on it, and what it costs their main thread.
 *
 *   folder ──edit──▶ control plane ──ADS──▶ 20 Envoys ──▶ the first request that each answers by the new rule
 *
 * Each Envoy is asked all the time by the one beside it, so that a moment is late by what a question takes, and `pauseMs`; its
 * clock begins before the file is written, and so holds the watch on the folder and the canary too. Costs are those of the
 * main thread, on which Envoy takes configuration: its workers are for requests. What it spends when told nothing is taken off.
 */
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MeshLab } from '../src/lab/mesh-lab.ts';
import { hostPlace } from '../src/lab/protocol.ts';
import type { AddressBookEntry } from '../src/policy/address-book.ts';
import {
  calleeCluster,
  callees,
  comingService,
  movingPod,
  probePath,
  ringMesh,
  ringService,
  ruleFile,
  ruleText,
  wideMesh,
  widePod,
} from './apply-mesh.ts';
import { type Bench, quantile, type Samples } from './bench.ts';
import { withMesh } from './bench-lab.ts';
import { range } from './standard-mesh.ts';

/** Each holds four of the user's inotify instances, of which Linux gives 128. */
const envoys = 20;
const ringEditsPerRun = 6;
/** Between an answer and the next question to the same Envoy, in ms: shorter, and the questions are what is measured. */
const pauseMs = 20;
/** Between the last Envoy of one edit and the next edit, in ms. */
const restMs = 300;
/** Longest wait for anything, in ms, and how long nothing happens before a measurement. */
const waitMs = 60_000;
const quietMs = 2_000;

const clusterCounts = [10, 100, 1_000];
/**
 * Edits of one kind in a window, an even number, and the time between two: five seconds together, as Envoy flushes its counters
 * every five, which with a thousand clusters is more than an edit costs.
 */
const editsPerWindow = 50;
const betweenMs = 100;
/** A run goes on for as many windows as it takes until so many edits have reached the Envoy, and no longer than the most. */
const toldEnough = 10;
const windowsMax = 5;

export const envoyApply: Bench = {
  name: 'envoy-apply',
  what: `an edit in the folder to the first request under it at ${envoys} real Envoys; main-thread time of one Envoy an edit at ${clusterCounts.join(', ')} clusters`,
  async run({ runs, small, say }) {
    const count = small ? 5 : envoys;
    const edits = await withMesh(
      ringMesh(count),
      (mesh) => ringEdits(mesh, count, runs * ringEditsPerRun, say),
      'loopback',
    );
    const all = edits.flat().sort((a, b) => a - b);
    const ms = (values: readonly number[]): Samples => ({ unit: 'ms', values });
    const metrics: Record<string, Samples> = {
      first_ms: ms(edits.map((each) => Math.min(...each))),
      p50_ms: ms([quantile(all, 0.5)]),
      p99_ms: ms([quantile(all, 0.99)]),
      last_ms: ms(edits.map((each) => Math.max(...each))),
    };
    await withMesh(wideMesh(), async (mesh) => {
      for (const clusters of clusterCounts) {
        const costs = await editCosts(mesh, clusters, runs);
        say(`${clusters} clusters: ${JSON.stringify(costs)}`);
        for (const [kind, values] of Object.entries(costs))
          metrics[`main_thread_cpu_us_per_${kind}_edit_${clusters}`] = { unit: 'us', values };
      }
    });
    return { metrics };
  },
};

/** @returns of each edit, from before it was written until each Envoy answered by it, in ms. */
async function ringEdits(mesh: MeshLab, count: number, edits: number, say: (line: string) => void) {
  const watches = range(count).map((at) => new Watch(urlOf(mesh, at, (at + 1) % count)));
  const seen: (readonly number[])[] = [];
  try {
    await Promise.all(watches.map((watch) => watch.until(200)));
    for (const edit of range(edits)) {
      const refuses = edit % 2 === 0;
      const beganMs = performance.now();
      mesh.write(ruleFile, ruleText(refuses));
      const moments = await Promise.all(watches.map((watch) => watch.until(refuses ? 403 : 200)));
      seen.push(moments.map((atMs) => atMs - beganMs));
      say(`edit ${edit + 1}: last after ${Math.max(...(seen.at(-1) ?? [])).toFixed(0)} ms`);
      await sleep(restMs);
    }
  } finally {
    for (const watch of watches) watch.stop();
  }
  return seen;
}

/** Where the sidecar of one listens for its application that calls the other. */
function urlOf(mesh: MeshLab, caller: number, callee: number): string {
  const file = join(mesh.workloadFiles(`vault/${ringService(caller)}`), 'services.json');
  const book: readonly AddressBookEntry[] = JSON.parse(readFileSync(file, 'utf8'));
  const entry = book.find(({ names }) => names.includes(ringService(callee)));
  if (entry === undefined) throw new Error(`\`${ringService(caller)}\` has no address for \`${ringService(callee)}\``);
  return `http://${entry.address}:${entry.port}${probePath}`;
}

/** Asks without end, over one connection, and knows what it was last answered. */
class Watch {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #waiting: { readonly status: number; seen(atMs: number): void } | undefined;
  #stopped = false;

  constructor(url: string) {
    void this.#ask(url);
  }

  /** @returns when the first answer with this status after the call came, by `performance.now()`. */
  until(status: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer was ${status} within ${waitMs} ms`)), waitMs);
      const seen = (atMs: number) => {
        clearTimeout(late);
        resolve(atMs);
      };
      this.#waiting = { status, seen };
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#agent.destroy();
  }

  async #ask(url: string): Promise<void> {
    while (!this.#stopped) {
      const status = await statusOf(url, this.#agent);
      if (this.#waiting?.status === status) {
        this.#waiting.seen(performance.now());
        this.#waiting = undefined;
      }
      await sleep(pauseMs);
    }
  }
}

/** 0 where nobody answers. */
function statusOf(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', () => resolve(0));
    });
    request.once('error', () => resolve(0));
  });
}

interface EditKind {
  readonly name: string;
  make(mesh: MeshLab, mark: number): void;
  /** The end of the counter of the Envoy that counts what it is told by such an edit. */
  readonly counter: string;
}

const editKinds: readonly EditKind[] = [
  {
    name: 'endpoint',
    make: (mesh, mark) => mesh.write('moving.yaml', movingPod(mark)),
    counter: `cluster.${calleeCluster(0)}.update_success`,
  },
  {
    name: 'policy',
    make: (mesh, mark) => mesh.write(ruleFile, ruleText(mark % 2 === 0)),
    counter: '.rds.in/8080.update_success',
  },
  {
    name: 'service',
    make: (mesh, mark) => (mark % 2 === 0 ? mesh.write('coming.yaml', comingService()) : mesh.remove('coming.yaml')),
    counter: 'cluster_manager.cds.update_success',
  },
];

/** Of each kind of edit, in us of the main thread of the Envoy, one value a run. */
async function editCosts(mesh: MeshLab, clusters: number, runs: number): Promise<Record<string, number[]>> {
  mesh.write('callees.yaml', callees(clusters));
  await untilQuiet(mesh, clusters);
  const idle: number[] = [];
  for (let run = 1; run <= runs; run += 1) idle.push(await mainThreadUs(mesh, () => undefined));
  const idleUs = quantile(
    idle.sort((a, b) => a - b),
    0.5,
  );
  const costs: Record<string, number[]> = {};
  for (const kind of editKinds) {
    costs[kind.name] = [];
    for (let run = 1; run <= runs; run += 1) costs[kind.name]?.push(await editCost(mesh, kind, idleUs));
  }
  return costs;
}

/** By edit that the Envoy was told of: a control plane that is busy, or holds a way until the callee is ready, merges some. */
async function editCost(mesh: MeshLab, { name, make, counter }: EditKind, idleUs: number): Promise<number> {
  const before = await counted(mesh, counter);
  let [told, costUs] = [0, 0];
  for (let window = 1; window <= windowsMax && told < toldEnough; window += 1) {
    costUs += (await mainThreadUs(mesh, (mark) => make(mesh, mark))) - idleUs;
    told = (await counted(mesh, counter)) - before;
  }
  if (told === 0) throw new Error(`of ${windowsMax * editsPerWindow} ${name} edits the Envoy was told none`);
  return costUs / told;
}

/** Spent while edits are made at their pace. */
async function mainThreadUs(mesh: MeshLab, edit: (mark: number) => void): Promise<number> {
  const beganMs = performance.now();
  const beforeUs = await spentUs(mesh);
  for (const mark of range(editsPerWindow)) {
    edit(mark);
    await sleep(Math.max(0, beganMs + (mark + 1) * betweenMs - performance.now()));
  }
  return (await spentUs(mesh)) - beforeUs;
}

async function spentUs(mesh: MeshLab): Promise<number> {
  const { pid } = mesh.sidecar(widePod).process;
  const argv = ['cat', `/proc/${pid}/task/${pid}/schedstat`];
  const { stdout } = await mesh.lab.run({ in: hostPlace, argv, confined: false, timeoutMs: waitMs });
  return Number(stdout.split(' ')[0]) / 1_000;
}

async function counted(mesh: MeshLab, counter: string): Promise<number> {
  const stats = await mesh.sidecar(widePod).stats('');
  return [...stats].reduce((sum, [key, value]) => (key.endsWith(counter) ? sum + value : sum), 0);
}

/** Until the Envoy has these clusters, and then has been told nothing for a while. */
async function untilQuiet(mesh: MeshLab, clusters: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (let quietSince = performance.now(), seen = 0; performance.now() - quietSince < quietMs; await sleep(restMs)) {
    if (performance.now() > deadline)
      throw new Error(`the Envoy did not take ${clusters} clusters within ${waitMs} ms`);
    const [held, told] = [
      await counted(mesh, `cluster.${calleeCluster(clusters - 1)}.membership_total`),
      await counted(mesh, '.update_success'),
    ];
    if (held === 0 || told !== seen) quietSince = performance.now();
    seen = told;
  }
}
