/**
 * Whether a check costs the same however many rules there are: workers that differ in the number of rules, in turns.
 *
 * Every rule of a world has callers and a path of its own kind, so a worker that walked them would show it at once. The rules
 * stand in one program, as if one workload had them all: more than anybody writes, and the worst that there could be.
 */

import { Load } from './authz-load.ts';
import { type AuthzServer, AuthzServers } from './authz-servers.ts';
import { authzWorld, checks, programsOf } from './authz-world.ts';
import { type Bench, quantile, type Samples } from './bench.ts';
import { withFolder } from './side-by-side.ts';

const ruleCounts = [10, 1_000, 100_000];
const messageBytes = 1_024;
const differentChecks = 500;
const roundMs = 3_000;
const warmMs = 2_000;

export const authzScale: Bench = {
  name: 'authz-scale',
  what: 'processor time a check with 10, 1,000 and 100,000 rules of one workload (aim: the same)',
  run({ runs, small, say }) {
    return withFolder(async (folder) => {
      const load = await Load.start();
      const workers: { readonly rules: number; readonly server: AuthzServer; readonly messages: readonly Buffer[] }[] =
        [];
      try {
        const started = await AuthzServers.open(folder);
        for (const rules of ruleCounts) {
          const server = await started.worker(programsOf(authzWorld(rules)));
          workers.push({ rules, server, messages: checks(differentChecks, messageBytes, rules) });
        }
        const share = small ? 0.1 : 1;
        for (const { server, messages } of workers) await load.round(server, messages, warmMs * share);
        const cpu = new Map(ruleCounts.map((rules) => [rules, [] as number[]]));
        for (let run = 1; run <= runs; run += 1) {
          for (const { rules, server, messages } of workers) {
            const { cpuUs } = await load.round(server, messages, roundMs * share);
            say(`run ${run}, ${rules} rules: ${cpuUs} us`);
            if (cpuUs !== undefined) cpu.get(rules)?.push(cpuUs);
          }
        }
        const metrics: Record<string, Samples> = Object.fromEntries(
          [...cpu].map(([rules, values]) => [`cpu_us_per_check_${rules}_rules`, { unit: 'us', values }]),
        );
        const [fewest, most] = [ruleCounts.at(0), ruleCounts.at(-1)].map((rules) => median(cpu.get(rules ?? 0) ?? []));
        return { metrics, ratios: { 'fewest rules to most': (fewest ?? Number.NaN) / (most ?? Number.NaN) } };
      } finally {
        await load.stop();
        for (const { server } of workers) await server.stop();
      }
    });
  },
};

function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
