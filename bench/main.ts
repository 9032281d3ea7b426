/**
 * `npm run bench -- NAME [--json] [--full] [--small] [--runs N] [--profile] [--renew]`: one question, measured; `xds` in place
 * of a name: all that are about xDS, one after another; without a name, the list.
 *
 * Standard output carries the figures and nothing else, with `--json` one line a bench; what happens meanwhile goes to standard
 * error. It ends with 1 where a bench could not be measured or a gate is broken.
 */
import { parseArgs } from 'node:util';
import { authzBare } from './authz-bare.ts';
import { authzEnvoy } from './authz-envoy.ts';
import { authzScale } from './authz-scale.ts';
import { authzStorm } from './authz-storm.ts';
import { type Bench, type BenchOptions, reportOf, reportText, runsMin } from './bench.ts';
import { churn } from './churn.ts';
import { coldStart } from './cold-start.ts';
import { deadMan } from './dead-man.ts';
import { drill } from './drill.ts';
import { endpointChange } from './endpoint-change.ts';
import { envoyApply } from './envoy-apply.ts';
import { fanOut } from './fan-out.ts';
import { gate } from './gate.ts';
import { leaves } from './leaves.ts';
import { memory } from './memory.ts';
import { noOpEdits } from './no-op-edits.ts';
import { observe } from './observe.ts';
import { policyChange } from './policy-change.ts';
import { reconnectStorm } from './reconnect-storm.ts';
import { scopeSize } from './scope-size.ts';
import { simulate } from './simulate.ts';
import { store } from './store.ts';

/** In the order in which they are run together: the short ones first, so that what is broken shows early. */
const xdsBenches: readonly Bench[] = [
  scopeSize,
  fanOut,
  endpointChange,
  policyChange,
  noOpEdits,
  reconnectStorm,
  coldStart,
  churn,
  memory,
];
const benches: readonly Bench[] = [
  ...xdsBenches,
  ...[leaves, envoyApply, gate, drill, deadMan, store, observe],
  ...[authzBare, authzScale, authzEnvoy, authzStorm, simulate],
];

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    renew: { type: 'boolean', default: false },
    runs: { type: 'string', default: String(runsMin) },
  },
  allowPositionals: true,
});
const [name] = positionals;
const chosen = name === 'xds' ? xdsBenches : benches.filter((bench) => bench.name === name);
const runs = Number(values.runs);
if (chosen.length === 0 || !Number.isInteger(runs) || runs < runsMin) {
  console.error(
    `usage: npm run bench -- NAME [--json] [--full] [--small] [--runs N] [--profile] [--renew], with N of ${runsMin} at least`,
  );
  for (const { name, what } of benches) console.error(`  ${name.padEnd(16)} ${what}`);
  console.error(`  ${'xds'.padEnd(16)} ${xdsBenches.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
} else {
  const beganMs = performance.now();
  for (const [at, bench] of chosen.entries()) {
    const minutes = ((performance.now() - beganMs) / 60_000).toFixed(1);
    if (chosen.length > 1) console.error(`${name}: ${at + 1} of ${chosen.length}, ${bench.name}, after ${minutes} min`);
    await measured(bench).catch((cause: unknown) => {
      console.error(`${bench.name}: not measured: ${cause instanceof Error ? cause.message : cause}`);
      process.exitCode = 1;
    });
  }
}

async function measured(bench: Bench): Promise<void> {
  const { full, small, renew } = values;
  const options: BenchOptions = { full, small, renew, runs, say: (line) => console.error(`${bench.name}: ${line}`) };
  if (values.profile) {
    const profiles: string[] = [];
    await bench.run({ ...options, profile: (text) => profiles.push(text) });
    if (profiles.length === 0) throw new Error('it has no control plane of ours to look into');
    console.log([bench.name, ...profiles].join('\n'));
    return;
  }
  const samples = await bench.run(options);
  const report = reportOf(bench.name, samples);
  console.log(values.json ? JSON.stringify(report) : [bench.name, reportText(report)].join('\n'));
  for (const breach of samples.breaches ?? []) {
    console.error(`${bench.name}: ${breach}`);
    process.exitCode = 1;
  }
}
