/** `coffre check DIR`: reads a folder as the control plane would, and says what is wrong with it. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadFolder } from '../folder/watch-folder.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { formatProblem } from '../model/format-problem.ts';
import type { Problem } from '../model/problem.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { plural } from './plural.ts';
import { readableFolder } from './readable-folder.ts';
import { printable } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

export function addCheckCommand(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .description('read a folder of YAML and print its problems; exit 1 where something would not be in force')
    .argument('<dir>', 'the folder')
    .addOption(outputOption())
    .action((dir: string, { output }: { output: OutputFormat }) => check(terminal, dir, output));
}

async function check(terminal: Terminal, dir: string, output: OutputFormat): Promise<void> {
  const { objects, problems: folderProblems } = readableFolder(dir, await loadFolder(resolve(dir)));
  const snapshot = buildSnapshot(objects, terminal.nowMs());
  const problems = [...folderProblems, ...snapshot.problems];
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  if (errors > 0) terminal.setExitCode(exitCode.no);
  if (output === 'json') return writeJson(terminal, { revision: snapshot.revision, errors, problems });
  for (const problem of problems) terminal.out(`${problemLine(problem)}\n`);
  const { tenants, services, workloads, grants, policies } = snapshot;
  terminal.out(
    `${dir}: ${tenants.size} tenants, ${services.size} services, ${workloads.size} workloads, ${grants.size} grants, ` +
      `${policies.size} access policies; ${plural(errors, 'error')}, ${plural(problems.length - errors, 'warning')}\n`,
  );
}

function problemLine(problem: Problem): string {
  return printable(`${problem.severity}: ${formatProblem(problem)}`);
}
