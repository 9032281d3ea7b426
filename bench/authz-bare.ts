/**
 * What one check costs, beside servers that judge nothing: four sidecars ask as fast as they are answered.
 *
 * The worker is the one that is deployed, with 200 rules, its log of decisions and its metrics; the bare servers say yes. On a
 * machine of two cores the one who asks has work too, so `rps` tells who shares them, and processor time a check tells the server.
 */

import { Load } from './authz-load.ts';
import { type AuthzServer, AuthzServers, opaVariable } from './authz-servers.ts';
import { authzWorld, checks, programsOf } from './authz-world.ts';
import type { Bench } from './bench.ts';
import { type Round, samplesOf, withFolder } from './side-by-side.ts';

const rules = 200;
/** By what their figures end in. */
const messageBytes = { '': 1_024, _4kb: 4_096 } as const;
const differentChecks = 500;
const roundMs = 4_000;
/** The first answers are made by code that is not compiled yet. */
const warmMs = 2_000;

export const authzBare: Bench = {
  name: 'authz-bare',
  what: 'ext_authz: checks/s and processor time a check, 200 rules, 1 and 4 kB, beside bare gRPC servers (aim: 0.8x bare grpc-go)',
  run({ runs, small, say }) {
    return withFolder(async (folder) => {
      const load = await Load.start();
      const servers: AuthzServer[] = [];
      try {
        const started = await AuthzServers.open(folder);
        servers.push(await started.worker(programsOf(authzWorld(rules))));
        servers.push(await started.bareGrpcGo(), await started.bareGrpcJs());
        const opa = started.opa();
        if (opa !== undefined) servers.push(opa);
        else say(`opa-envoy: not run, since \`${opaVariable}\` gives no address`);
        const messages = Object.entries(messageBytes).map(
          ([size, bytes]) => [size, checks(differentChecks, bytes, rules)] as const,
        );
        const share = small ? 0.1 : 1;
        for (const server of servers) for (const [, each] of messages) await load.round(server, each, warmMs * share);
        const rounds = new Map<string, Round[]>();
        for (let run = 1; run <= runs; run += 1) {
          for (const server of servers) {
            const round: Record<string, number> = {};
            for (const [size, each] of messages) {
              const { rps, cpuUs } = await load.round(server, each, roundMs * share);
              round[`rps${size}`] = rps;
              if (cpuUs !== undefined) round[`cpu_us_per_check${size}`] = cpuUs;
            }
            say(`run ${run}, ${server.name}: ${JSON.stringify(round)}`);
            rounds.set(server.name, [...(rounds.get(server.name) ?? []), round]);
          }
        }
        return samplesOf(rounds, ['rps', 'rps_4kb', 'cpu_us_per_check', 'cpu_us_per_check_4kb']);
      } finally {
        await load.stop();
        for (const server of servers) await server.stop();
      }
    });
  },
};
