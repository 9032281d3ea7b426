/**
 * What the certificate authority costs, which no other bench has in it: a leaf for each of a thousand service accounts in the
 * 125 tenants of the standard mesh, issued and saved, from nothing; then the same question again, where all is there.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuthority } from '../src/identity/open-authority.io.ts';
import { systemPorts } from '../src/identity/system-ports.io.ts';
import type { Bench } from './bench.ts';
import { ourName } from './control-plane.ts';
import { type Round, samplesOf, scaleOf } from './side-by-side.ts';
import { benchTrustDomain, range, serviceName, standardMesh, tenantName, tenantOf } from './standard-mesh.ts';

const leafLifetimeMs = 86_400_000;

export const leaves: Bench = {
  name: 'leaves',
  what: 'a CA for each of 125 tenants and a leaf for each of 1,000 service accounts, from nothing: time, processor time a leaf',
  async run(options) {
    const { tenants, services } = standardMesh(scaleOf(options));
    const wanted = {
      tenants: range(tenants).map(tenantName),
      spiffeIds: range(services).map(
        (at) => `spiffe://${benchTrustDomain}/ns/${tenantName(tenantOf(at))}/sa/${serviceName(at)}`,
      ),
      leafLifetimeMs,
    };
    const rounds: Round[] = [];
    for (let run = 1; run <= options.runs; run += 1) {
      rounds.push(await issued(wanted));
      options.say(`run ${run}: ${JSON.stringify(rounds.at(-1))}`);
    }
    return samplesOf(new Map([[ourName, rounds]]), []);
  },
};

async function issued(wanted: Parameters<Awaited<ReturnType<typeof openAuthority>>['ensure']>[0]): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-bench-'));
  try {
    const authority = await openAuthority({
      stateFolder: join(folder, 'state'),
      trustDomain: benchTrustDomain,
      ports: systemPorts,
    });
    const first = await timed(() => authority.ensure(wanted));
    const again = await timed(() => authority.ensure(wanted));
    return {
      issue_ms: first.ms,
      cpu_us_per_leaf: first.cpuUs / wanted.spiffeIds.length,
      leaves_per_s: (wanted.spiffeIds.length / first.ms) * 1_000,
      again_ms: again.ms,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timed(act: () => Promise<unknown>): Promise<{ readonly ms: number; readonly cpuUs: number }> {
  const [beganMs, began] = [performance.now(), process.cpuUsage()];
  await act();
  const { user, system } = process.cpuUsage(began);
  return { ms: performance.now() - beganMs, cpuUs: user + system };
}
