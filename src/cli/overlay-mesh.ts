/** A mesh as it would be with a change: another folder in its place, or one file of objects laid over it. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { formatProblem } from '../model/format-problem.ts';
import { fileLengthMax, parseDocument } from '../model/parse-document.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';
import { type ReadMesh, readMesh } from './read-mesh.ts';
import { readTextFile } from './read-text-file.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';

/**
 * @param change a folder, which is the whole mesh; or a file, whose objects replace those of the same kind and name.
 * @returns without a clock: what has ended is in it. @throws CliFailure
 */
export async function overlayMesh(terminal: Terminal, base: ReadMesh, change: string): Promise<Snapshot> {
  const path = resolve(change);
  if ((await stat(path)).isDirectory()) return buildSnapshot((await readMesh(terminal, change)).objects);
  const text = await readTextFile(change);
  if (text.length > fileLengthMax) {
    throw new CliFailure(exitCode.misuse, `\`${change}\` is longer than ${fileLengthMax} characters`, 'split it');
  }
  const { objects, problems } = parseDocument(text, change);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    // A control plane would keep what was valid before; whoever asks about a change means the whole of it.
    for (const error of errors) terminal.err(`${printable(`error: ${formatProblem(error)}`)}\n`);
    throw new CliFailure(exitCode.misuse, `\`${change}\` has errors`, 'mend them first: `coffre check` tells more');
  }
  if (objects.length === 0) {
    throw new CliFailure(exitCode.misuse, `\`${change}\` holds no object`, 'name a file or a folder of YAML');
  }
  const replaced = new Set(objects.map(({ id }) => id));
  const snapshot = buildSnapshot([...base.objects.filter(({ id }) => !replaced.has(id)), ...objects]);
  const known = new Set(base.snapshot.problems.map(formatProblem));
  for (const problem of snapshot.problems) {
    const told = formatProblem(problem);
    if (problem.severity === 'error' && !known.has(told)) terminal.err(`${printable(`error: ${told}`)}\n`);
  }
  return snapshot;
}
