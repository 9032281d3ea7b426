/**
 * In folder mode the control plane plays the node agent: for every workload it keeps a folder with all that a sidecar
 * needs to start, and renews its token.
 *
 *   WORKLOADS/<namespace>/<pod>/{bootstrap.json, mesh-root.sds.json, token.sds.json, secrets/}
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from './config.ts';
import { workerKey } from './controller/configure.ts';
import { bootstrapFor } from './envoy/bootstrap.ts';
import { type Authority, defaultServerDnsName } from './identity/authority.ts';
import { systemPorts } from './identity/system-ports.io.ts';
import { WorkloadFiles } from './identity/workload-files.io.ts';
import type { Snapshot } from './model/snapshot.ts';

/** @returns writes what is missing or due for every workload of a snapshot; resolves to the epoch ms of its next work. */
export function equipWorkloads(config: Config, authority: Authority): (snapshot: Snapshot) => Promise<number> {
  const files = new WorkloadFiles({
    folder: config.workloads,
    rootPem: authority.rootPem,
    tokens: authority.tokens,
    clock: systemPorts.clock,
  });
  return async ({ workloads }) => {
    const subjects = [...workloads.values()].map(({ key, serviceAccount }) => ({ workload: key, serviceAccount }));
    const { nextRenewalMs } = await files.sync([...subjects, { workload: workerKey, serviceAccount: 'authz' }]);
    for (const { key, tenant } of workloads.values()) {
      const folder = files.folderOf(key);
      const bootstrap = bootstrapFor({
        nodeId: key,
        nodeCluster: tenant,
        controlPlane: config.xds,
        serverName: defaultServerDnsName,
        adminSocket: join(folder, 'admin.sock'),
        files: {
          rootSds: join(folder, 'mesh-root.sds.json'),
          tokenSds: join(folder, 'token.sds.json'),
          watched: join(folder, 'secrets'),
        },
        bypass: config.bypass,
      });
      await writeIfDifferent(join(folder, 'bootstrap.json'), `${JSON.stringify(bootstrap, null, 2)}\n`);
    }
    return nextRenewalMs;
  };
}

async function writeIfDifferent(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
