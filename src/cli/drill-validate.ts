/**
 * `coffre drill validate PATH...`: drills and consents, read and planned without a control plane.
 *
 *   files, folders ──▶ objects ──┬─▶ problems of drills and consents
 *                                └─▶ with a Mesh among them: each drill's plan, as if every proxy were connected
 */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { planDrill } from '../chaos/plan.ts';
import { drillEdge } from '../envoy/drill-edge.ts';
import { loadFolder } from '../folder/watch-folder.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import type { Drill } from '../model/drill.ts';
import { formatProblem } from '../model/format-problem.ts';
import { parseDocument } from '../model/parse-document.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import { CliFailure } from './cli-failure.ts';
import { planText } from './drill-text.ts';
import { exitCode } from './exit-code.ts';
import { plural } from './plural.ts';
import { readableFolder } from './readable-folder.ts';
import { printable } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

export interface ValidateOptions {
  readonly at?: string;
  readonly output: OutputFormat;
}

/** @throws CliFailure where a path cannot be read. */
export async function validateDrills(
  terminal: Terminal,
  paths: readonly string[],
  options: ValidateOptions,
): Promise<void> {
  const atMs = options.at === undefined ? terminal.nowMs() : Date.parse(options.at);
  if (Number.isNaN(atMs)) {
    throw new CliFailure(exitCode.misuse, `\`${options.at}\` is no moment`, 'write one such as `2027-01-31T18:00:00Z`');
  }
  const objects = new Map<string, readonly SourcedObject[]>();
  const found: Problem[] = [];
  for (const path of paths) {
    const read = await readPath(path);
    found.push(...read.problems);
    // The object of a later path stands for those of its name in the earlier ones; twice in one path is a problem.
    for (const [id, named] of Map.groupBy(read.objects, (object) => object.id)) objects.set(id, named);
  }
  const all = [...objects.values()].flat();
  const isMesh = all.some(({ ref }) => ref.kind === 'Mesh');
  const snapshot = buildSnapshot(all, atMs);
  const problems = [...found, ...(isMesh ? snapshot.problems : [])].filter(isAboutDrills);
  const plans = isMesh ? [...snapshot.drills.values()].map((drill) => planOffline(snapshot, drill, atMs)) : [];

  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const refused = plans.filter(({ refusals }) => refusals.length > 0).length;
  if (errors + refused > 0) terminal.setExitCode(exitCode.no);
  if (options.output === 'json') return writeJson(terminal, { errors, refused, problems, drills: plans });
  for (const problem of problems) terminal.out(`${printable(`${problem.severity}: ${formatProblem(problem)}`)}\n`);
  for (const { plan, drill, refusals } of plans) {
    if (plan !== undefined) terminal.out(planText(plan));
    for (const { message, advice } of refusals) {
      terminal.out(`${printable(`${drill} would be refused: ${message}; ${advice}`)}\n`);
    }
  }
  const drills = all.filter(({ ref }) => ref.kind === 'Drill').length;
  terminal.out(`${plural(drills, 'drill')}; ${plural(errors, 'error')}, ${refused} refused\n`);
  if (!isMesh) terminal.out('only the form was looked at: name the folder of the mesh as well\n');
}

function planOffline(snapshot: Snapshot, drill: Drill, nowMs: number) {
  const connected = new Map([...snapshot.workloads.keys()].map((key) => [key, { takesTtl: true }]));
  const edge = drillEdge(snapshot, drill, nowMs);
  const result = planDrill({ snapshot, drill, edge, connected, number: 1, nowMs });
  if (result.kind === 'refused') return { drill: drill.key, refusals: result.refusals };
  // Its hash would name a plan that nobody made.
  const { hash: _, ...plan } = result.plan.view;
  return { drill: drill.key, plan, refusals: [] };
}

async function readPath(path: string) {
  const file = resolve(path);
  if (!(await stat(file)).isDirectory()) return parseDocument(await readFile(file, 'utf8'), path);
  return readableFolder(path, await loadFolder(file));
}

/** What cannot be read might have been one; everything else is for `coffre check`. */
function isAboutDrills({ object, severity }: Problem): boolean {
  return object === undefined ? severity === 'error' : object.kind === 'Drill' || object.kind === 'DrillConsent';
}
