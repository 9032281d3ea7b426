/**
 * `npm run bench -- NAME [--json] [--full] [--small] [--runs N]`: one question, measured; without a name, the list.
 *
 * Standard output carries the figures and nothing else; what happens meanwhile goes to standard error.
 */
import { parseArgs } from 'node:util';
import { type Bench, reportOf, reportText, runsMin } from './bench.ts';
import { churn } from './churn.ts';
import { coldStart } from './cold-start.ts';
import { deadMan } from './dead-man.ts';
import { drill } from './drill.ts';
import { endpointChange } from './endpoint-change.ts';
import { fanOut } from './fan-out.ts';
import { memory } from './memory.ts';
import { noOpEdits } from './no-op-edits.ts';
import { observe } from './observe.ts';
import { policyChange } from './policy-change.ts';
import { reconnectStorm } from './reconnect-storm.ts';
import { scopeSize } from './scope-size.ts';
import { store } from './store.ts';

const benches: readonly Bench[] = [
  coldStart,
  endpointChange,
  churn,
  policyChange,
  reconnectStorm,
  noOpEdits,
  memory,
  scopeSize,
  fanOut,
  drill,
  deadMan,
  store,
  observe,
];

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    runs: { type: 'string', default: String(runsMin) },
  },
  allowPositionals: true,
});
const bench = benches.find(({ name }) => name === positionals[0]);
const runs = Number(values.runs);
if (bench === undefined || !Number.isInteger(runs) || runs < runsMin) {
  console.error(`usage: npm run bench -- NAME [--json] [--full] [--small] [--runs N], with N of ${runsMin} at least`);
  for (const { name, what } of benches) console.error(`  ${name.padEnd(16)} ${what}`);
  process.exitCode = 2;
} else {
  const samples = await bench.run({
    full: values.full,
    small: values.small,
    runs,
    say: (line) => console.error(`${bench.name}: ${line}`),
  });
  const report = reportOf(bench.name, samples);
  console.log(values.json ? JSON.stringify(report) : reportText(report));
}
