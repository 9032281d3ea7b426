/** `coffre uninstall`: says what every tenant loses, and does it where it was told to. */
import type { Command } from 'commander';
import { installManager } from '../kube/install/apply.ts';
import { defaultValues } from '../kube/install/default-values.ts';
import { installation } from '../kube/install/installation.ts';
import { lossesOf } from '../kube/install/losses.ts';
import { nameOf } from '../kube/install/preflight.ts';
import { removalOf, remove } from '../kube/install/remove.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeObjects } from '../kube/objects.ts';
import { exitCode } from './exit-code.ts';
import { type KubeOptions, withCluster, withKubeOptions } from './kube-options.ts';
import { listed } from './list-cluster.ts';
import { table } from './table.ts';
import { tellObstacles } from './tell-obstacles.ts';
import type { Terminal } from './terminal.ts';

interface UninstallOptions extends KubeOptions {
  readonly yesRemoveTheMesh?: true;
  readonly alsoDefinitions?: true;
  readonly alsoNamespace?: true;
}

const explanation = `
The webhooks go first, so that nothing waits for an answer. Definitions with all that people wrote stay, and so does the
namespace \`coffre-system\` with the keys of every certificate: installed again, the mesh is the same.
`;

export function addUninstallCommand(program: Command, terminal: Terminal): void {
  withKubeOptions(program.command('uninstall'))
    .description('take Coffre out of a cluster; without --yes-remove-the-mesh it only says who loses what')
    .option('--yes-remove-the-mesh', 'do it')
    .option('--also-definitions', 'and with them every Tenant, Grant and policy of the cluster')
    .option('--also-namespace', 'and with it the keys of every certificate, and all evidence on its volumes')
    .addHelpText('after', explanation)
    .action((options: UninstallOptions) =>
      withCluster(options, terminal.signal, async (cluster) => {
        await tellLosses(cluster, options, terminal);
        if (!options.yesRemoveTheMesh) {
          terminal.err('coffre: nothing was removed; write --yes-remove-the-mesh if that is meant\n');
          return terminal.setExitCode(exitCode.no);
        }
        const also = { definitions: options.alsoDefinitions === true, namespace: options.alsoNamespace === true };
        const objects = new KubeObjects(cluster, terminal.signal, installManager);
        const { removed, obstacles } = await remove(
          removalOf(installation(defaultValues), also),
          objects,
          terminal.signal,
        );
        for (const object of removed) terminal.out(`${nameOf(object)}: removed\n`);
        tellObstacles(obstacles, terminal);
      }),
    );
}

/** What a sidecar does without its control plane is what it does in an outage: it fails closed. */
const fate = `These pods keep their sidecars. With no worker there to judge them their HTTP requests are refused at once (503), unless the Mesh
says \`dynamicOnly\` and their policies are static; with their certificates everything ends. Pods that begin get no sidecar, and
speak plaintext. So restart them all afterwards: they come back without one.
`;

async function tellLosses(cluster: KubeClient, options: UninstallOptions, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const plurals = ['grants', 'accesspolicies', 'trafficpolicies', 'drillconsents'] as const;
  const written = await Promise.all(plurals.map((plural) => listed(cluster, plural, signal)));
  const losses = lossesOf(
    await listed(cluster, 'tenants', signal),
    await listed(cluster, 'pods', signal),
    written.flat(),
  );
  if (losses.length === 0) return terminal.err('no tenant loses anything\n');
  const head = ['tenant', 'pods with a sidecar', options.alsoDefinitions ? 'objects that go' : 'objects nobody reads'];
  terminal.err(
    table(
      head,
      losses.map((loss) => [loss.tenant, String(loss.pods), String(loss.written)]),
    ),
  );
  terminal.err(fate);
}
