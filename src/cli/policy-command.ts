/** `coffre policy test DIR`: what policies are expected to decide, put to them as the control plane would compile them. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { advance, emptyFolder, type FolderReading } from '../folder/folder-state.ts';
import { readFolder } from '../folder/read-folder.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { formatProblem } from '../model/format-problem.ts';
import type { Problem } from '../model/problem.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { type PolicyTestFile, readPolicyTests, testFilePattern } from './policy-test-file.ts';
import { runPolicyTests } from './policy-test-run.ts';
import { policyTestText } from './policy-test-text.ts';
import { readableFolder } from './readable-folder.ts';
import { printable } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

interface TestOptions {
  readonly minCoverage: number;
  readonly output: OutputFormat;
}

export function addPolicyCommands(program: Command, terminal: Terminal): void {
  program
    .command('policy')
    .description('try what access policies decide')
    .command('test')
    .description('put the cases of `*.test.yaml` to the policies beside them; exit 1 where one is decided otherwise')
    .argument('<dir>', 'the folder: YAML of the mesh, and tests')
    .option('--min-coverage <percent>', 'exit 1 where fewer of the rules and grants decided a case', readPercent, 0)
    .addOption(outputOption())
    .action((dir: string, options: TestOptions) => test(terminal, dir, options));
}

function readPercent(text: string): number {
  const percent = Number(text);
  if (!/^\d{1,3}$/.test(text) || percent > 100) throw new InvalidArgumentError('write a number from 0 to 100');
  return percent;
}

async function test(terminal: Terminal, dir: string, { minCoverage, output }: TestOptions): Promise<void> {
  const { mesh, tests } = parted(await readFolder(resolve(dir)));
  const { objects, problems: folderProblems } = readableFolder(dir, advance(emptyFolder, mesh, 0, 0));
  if (tests.length === 0) {
    throw new CliFailure(exitCode.misuse, `\`${dir}\` has no \`*.test.yaml\``, 'write one, of kind `PolicyTest`');
  }
  // Grants that have ended are kept: a case may ask of a time when they had not.
  const snapshot = buildSnapshot(objects);
  const problems = [...folderProblems, ...snapshot.problems, ...tests.flatMap((each) => each.problems)];
  const errors = problems.filter(({ severity }) => severity === 'error');
  const cases = tests.flatMap((each) => each.cases);
  const run = runPolicyTests(snapshot, cases, terminal.nowMs());
  const isGood = errors.length === 0 && run.results.every(({ failures }) => failures.length === 0);
  if (!isGood || run.coverage.percent < minCoverage) terminal.setExitCode(exitCode.no);
  if (output === 'json') return writeJson(terminal, { revision: snapshot.revision, problems: errors, ...run });
  tellErrors(terminal, errors);
  terminal.out(policyTestText(run));
  if (run.coverage.percent < minCoverage) {
    terminal.err(`fewer than ${minCoverage} % of the rules decided a case: write cases for those above\n`);
  }
}

function tellErrors(terminal: Terminal, errors: readonly Problem[]): void {
  for (const error of errors) terminal.err(`${printable(`error: ${formatProblem(error)}`)}\n`);
}

/** Tests are no objects of the mesh, and are not read as such. */
function parted(reading: FolderReading): { readonly mesh: FolderReading; readonly tests: readonly PolicyTestFile[] } {
  if (reading.kind === 'failed') return { mesh: reading, tests: [] };
  const files = [...reading.files];
  const tests = files
    .filter(([name]) => testFilePattern.test(name))
    .map(
      ([name, file]): PolicyTestFile =>
        file.kind === 'text' ? readPolicyTests(file.text, name) : { cases: [], problems: [file.problem] },
    );
  const others = files.filter(([name]) => !testFilePattern.test(name));
  return { mesh: { kind: 'read', files: new Map(others) }, tests };
}
