/**
 * `npm test`: types, style, then every test; what follows `--` goes to vitest (a file, `-t name`, `--project e2e`).
 *
 *   tsc, biome ──▶ vitest, all projects ──▶ tally ──▶ skipped tests by name ──▶ `N passed, N failed, N skipped`
 *
 * `--no-skip` is ours: a skipped test or a todo fails the run, and so does a golden file that is missing (as in CI).
 */
import { relative } from 'node:path';
import type { TestModule } from 'vitest/node';
import { runTools } from './run-tool.ts';
import { StuckFiles } from './stuck-files.ts';
import { closingLine, type ReportedModule, succeeded, tally } from './test-tally.ts';

const args = process.argv.slice(2);
const noSkip = args.includes('--no-skip');
// Read by vitest when it is imported: it then writes no missing golden and refuses `.only`.
if (noSkip) process.env['CI'] = '1';
const { parseCLI, startVitest } = await import('vitest/node');

const failedTools = await runTools(['tsc', 'biome']);
const { filter, options } = parseCLI(['vitest', 'run', ...args.filter((argument) => argument !== '--no-skip')]);
const reporters = [options.reporters ?? 'default', new StuckFiles()].flat();
const vitest = await startVitest(filter, { ...options, watch: false, reporters });
const modules = vitest.state.getTestModules().map(reported);
const unhandled = vitest.state.getUnhandledErrors().length;
await vitest.close();

const outcome = tally(modules, unhandled + failedTools.length);
if (failedTools.length > 0) console.log(`${failedTools.join(' and ')} failed, see above`);
for (const name of outcome.skipped) console.log(`skipped: ${name}`);
if (outcome.passed + outcome.failed === 0) console.log('no test was run, which counts as a failure');
console.log(closingLine(outcome));
process.exitCode = succeeded(outcome, noSkip) ? 0 : 1;

function reported(module: TestModule): ReportedModule {
  const suites = [module, ...module.children.allSuites()];
  return {
    file: relative(process.cwd(), module.moduleId),
    sound: suites.every((suite) => suite.errors().length === 0),
    tests: [...module.children.allTests()].map((test) => ({ name: test.fullName, state: test.result().state })),
  };
}
