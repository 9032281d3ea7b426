/**
 * In folder mode the control plane plays the node agent: for every workload it keeps a folder with all that a sidecar
 * needs to start, and renews its token.
 *
 *   WORKLOADS/<namespace>/<pod>/{bootstrap.json, mesh-root.sds.json, token.sds.json, secrets/}
 *   WORKLOADS/<namespace>/<pod>/hosts           lines for its /etc/hosts: names that a cluster's DNS does not know
 *   WORKLOADS/<namespace>/<pod>/services.json   under explicit capture, the same with ports, for programs
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { workerKey } from '../controller/configure.ts';
import { bootstrapFor } from '../envoy/bootstrap.ts';
import { bypassOf } from '../envoy/platform.ts';
import { type Authority, defaultServerDnsName } from '../identity/authority.ts';
import { systemPorts } from '../identity/system-ports.io.ts';
import { WorkloadFiles } from '../identity/workload-files.io.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { addressBookOf, hostsText } from '../policy/address-book.ts';
import { viewOf } from '../policy/view.ts';

/** @returns writes what is missing or due for every workload of a snapshot; resolves to the epoch ms of its next work. */
export function equipWorkloads(config: Config, authority: Authority): (snapshot: Snapshot) => Promise<number> {
  const files = new WorkloadFiles({
    folder: config.workloads,
    rootPem: authority.rootPem,
    tokens: authority.tokens,
    clock: systemPorts.clock,
  });
  return async (snapshot) => {
    const { workloads } = snapshot;
    const subjects = [...workloads.values()].map(({ key, serviceAccount }) => ({ workload: key, serviceAccount }));
    const { nextRenewalMs } = await files.sync([...subjects, { workload: workerKey, serviceAccount: 'authz' }]);
    for (const workload of workloads.values()) {
      const { key, tenant } = workload;
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
        bypass: bypassOf(workload, config.bypass),
      });
      await writeIfDifferent(join(folder, 'bootstrap.json'), `${JSON.stringify(bootstrap, null, 2)}\n`);
      const entries = addressBookOf(viewOf(snapshot, workload, systemPorts.clock.nowMs()));
      await writeIfDifferent(join(folder, 'hosts'), hostsText(entries));
      if (workload.capture === 'transparent') continue;
      await writeIfDifferent(join(folder, 'services.json'), `${JSON.stringify(entries, null, 2)}\n`);
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
