/** `coffre analyze`: all that `coffre check` tells, and the rules and grants that do nothing, or less than they say. */
import { relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Command, Option } from 'commander';
import { loadFolder } from '../folder/watch-folder.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { formatProblem } from '../model/format-problem.ts';
import { analyze } from '../policy/analyze.ts';
import { findingText } from './analysis-text.ts';
import { exitCode } from './exit-code.ts';
import { plural } from './plural.ts';
import { readableFolder } from './readable-folder.ts';
import { sarifOf } from './sarif.ts';
import { printable } from './table.ts';
import { type Terminal, writeJson } from './terminal.ts';

interface AnalyzeOptions {
  readonly folder: string;
  readonly strict?: true;
  readonly output: 'text' | 'json' | 'sarif';
}

export function addAnalyzeCommand(program: Command, terminal: Terminal): void {
  program
    .command('analyze')
    .description(
      'read a folder of YAML and print its problems, and rules and grants that do nothing; exit 1 where there are errors',
    )
    .requiredOption('-f, --folder <dir>', 'the folder')
    .option('--strict', 'exit 1 where there are warnings as well')
    .addOption(
      new Option('-o, --output <format>', 'for people, for scripts, or for code review')
        .choices(['text', 'json', 'sarif'])
        .default('text'),
    )
    .action((options: AnalyzeOptions) => report(terminal, options));
}

async function report(terminal: Terminal, { folder, strict, output }: AnalyzeOptions): Promise<void> {
  const { objects, problems: folderProblems } = readableFolder(folder, await loadFolder(resolve(folder)));
  const snapshot = buildSnapshot(objects, terminal.nowMs());
  const problems = [...folderProblems, ...snapshot.problems];
  const findings = analyze(snapshot, terminal.nowMs());
  const levels = [...problems.map(({ severity }) => severity), ...findings.map(({ level }) => level)];
  const count = { error: 0, warning: 0, note: 0 };
  for (const level of levels) count[level] += 1;
  if (count.error > 0 || (strict === true && count.warning > 0)) terminal.setExitCode(exitCode.no);
  if (output === 'json') return writeJson(terminal, { revision: snapshot.revision, problems, findings });
  if (output === 'sarif') return writeJson(terminal, sarifOf(problems, findings, uriIn(folder)));
  for (const problem of problems) terminal.out(`${printable(`${problem.severity}: ${formatProblem(problem)}`)}\n`);
  for (const finding of findings) terminal.out(findingText(finding));
  terminal.out(
    `${folder}: ${plural(count.error, 'error')}, ${plural(count.warning, 'warning')}, ${plural(count.note, 'note')}\n`,
  );
}

/** Relative to where the command runs, as code review expects of a checkout; absolute where the folder is not below. */
function uriIn(folder: string): (file: string) => string {
  const here = pathToFileURL(`${resolve('.')}${sep}`).href;
  return (file) => {
    const path = resolve(folder, file);
    const isBelow = !relative('.', path).startsWith('..');
    const { href } = pathToFileURL(path);
    return isBelow ? href.slice(here.length) : href;
  };
}
