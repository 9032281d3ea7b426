/**
 * What a request pays at a real Envoy for being judged: by nobody, by the rules in Envoy alone, and by a worker for every request.
 *
 *   load, open loop ──mutual TLS──▶ Envoy: none | rbac | everyRequest ──Check──▶ worker
 *
 * A request is counted from when it was due, so a queue shows. What is added is the difference of one run's medians and tails; the
 * three take turns within a run, at one pace after the other.
 */
import { Load, type LoadRound } from './authz-load.ts';
import { type EnvoyWay, startProxy } from './authz-proxy.ts';
import { AuthzServers } from './authz-servers.ts';
import { authzCaller, authzCallerPaths, authzSidecar, authzWorld, programsOf } from './authz-world.ts';
import type { Bench } from './bench.ts';
import { withFolder } from './side-by-side.ts';

const rules = 200;
const paces = [500, 1_000, 2_000] as const;
const roundMs = 4_000;
const warmMs = 3_000;
const warmTurnsMax = 5;

export const authzEnvoy: Bench = {
  name: 'authz-envoy',
  what: `what a judgement adds at a real Envoy at ${paces.join(', ')} requests/s: by its own rules, and by a worker (aim: p50 0.25 ms)`,
  run({ runs, small, say }) {
    return withFolder(async (folder) => {
      const load = await Load.start();
      const stops: (() => Promise<void>)[] = [() => load.stop()];
      try {
        const servers = await AuthzServers.open(folder);
        const worker = await servers.worker(programsOf(authzWorld(rules)));
        stops.push(() => worker.stop());
        const tls = {
          identity: servers.tlsOf(authzSidecar),
          door: servers.tlsOfServer(),
          caller: servers.tlsOf(authzCaller),
        };
        const proxy = await startProxy({ folder, rules, authz: worker.address, ...tls });
        stops.push(async () => proxy.get('none')?.stop());
        const paths = authzCallerPaths(rules);
        const share = small ? 0.2 : 1;
        for (const server of proxy.values()) await warm(() => load.requests(server, paths, warmMs * share, paces[0]));
        const values = new Map<string, number[]>();
        for (let run = 1; run <= runs; run += 1) {
          for (const pace of paces) {
            const rounds = new Map<EnvoyWay, LoadRound>();
            for (const [way, server] of proxy) {
              rounds.set(way, await load.requests(server, paths, roundMs * share, pace));
            }
            const found = Object.entries(figuresOf(rounds));
            for (const [key, value] of found) {
              values.set(`${key}_${pace}`, [...(values.get(`${key}_${pace}`) ?? []), value]);
            }
            say(
              `run ${run}, ${pace} requests/s: ${found.map(([key, value]) => `${key} ${value.toFixed(3)}`).join(', ')}`,
            );
          }
        }
        const metrics = Object.fromEntries([...values].map(([key, of]) => [key, { unit: 'ms', values: of }]));
        return { metrics };
      } finally {
        for (const stop of stops.reverse()) await stop();
      }
    });
  },
};

/** Until the Envoy listens, and a round has no refusal: the first checks may come later than it waits for them. @throws the last loss. */
async function warm(round: () => Promise<LoadRound>): Promise<void> {
  for (let turn = 1; turn < warmTurnsMax; turn += 1) {
    const isWarm = await round().then(
      () => true,
      () => false,
    );
    if (isWarm) return;
  }
  await round();
}

/** In ms; what is added is told beside those who judge nothing. */
function figuresOf(rounds: ReadonlyMap<EnvoyWay, LoadRound>): Record<string, number> {
  const none = rounds.get('none');
  const figures: Record<string, number> = {};
  for (const [way, { p50Ms, p99Ms }] of rounds) {
    figures[`p50_ms_${way}`] = p50Ms;
    figures[`p99_ms_${way}`] = p99Ms;
    if (none === undefined || way === 'none') continue;
    figures[`added_p50_ms_${way}`] = p50Ms - none.p50Ms;
    figures[`added_p99_ms_${way}`] = p99Ms - none.p99Ms;
  }
  return figures;
}
