/** `coffre install` and `coffre uninstall`: Coffre into a cluster, and out of it. */
import type { Command } from 'commander';
import { type Applied, apply, installManager } from '../kube/install/apply.ts';
import { manifest } from '../kube/install/chart.ts';
import { installation } from '../kube/install/installation.ts';
import { podSecurityProblems } from '../kube/install/pod-security.ts';
import { nameOf } from '../kube/install/preflight.ts';
import { readValues } from '../kube/install/read-values.ts';
import type { Values } from '../kube/install/values.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeObjects } from '../kube/objects.ts';
import { formatProblem } from '../model/format-problem.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';
import { type KubeOptions, withCluster, withKubeOptions } from './kube-options.ts';
import { listed } from './list-cluster.ts';
import { readTextFile } from './read-text-file.ts';
import { printable } from './table.ts';
import { tellObstacles } from './tell-obstacles.ts';
import type { Terminal } from './terminal.ts';

interface InstallOptions extends KubeOptions {
  readonly file?: string;
  readonly dryRun?: true;
  readonly timeout: string;
}

const explanation = `
  coffre install --dry-run -f values.yaml > coffre.yaml    # what it would be, in the order in which it is applied
  coffre install -f values.yaml                            # the same again for an upgrade, or after a failure

What a value may be: docs/kubernetes/install.md, or \`coffre chart --out DIR\` and its values.yaml.
`;

export function addInstallCommand(program: Command, terminal: Terminal): void {
  withKubeOptions(program.command('install'))
    .description('install Coffre into a cluster, or bring it up to date; exit 1 where something stands in the way')
    .option('-f, --file <file>', 'values, as YAML; what it does not say stays at its default')
    .option('--dry-run', 'print the objects, and ask no cluster')
    .option('--timeout <seconds>', 'longest wait until the control plane is ready; 0 to wait for nothing', '300')
    .addHelpText('after', explanation)
    .action(async (options: InstallOptions) => {
      const values = await valuesOf(options, terminal);
      if (options.dryRun) return terminal.out(manifest(installation(values)));
      await withCluster(options, terminal.signal, async (cluster, version) => {
        const objects = new KubeObjects(cluster, terminal.signal, installManager);
        const readyMaxMs = 1_000 * seconds(options.timeout);
        const observe = (applied: Applied) => terminal.out(printable(lineOf(applied)).concat('\n'));
        const { signal } = terminal;
        const { applied, obstacles } = await apply(installation(values), objects, {
          version,
          readyMaxMs,
          signal,
          observe,
        });
        tellObstacles(obstacles, terminal);
        if (applied.length > 0) await tellNamespaces(cluster, terminal);
      });
    });
}

async function valuesOf({ file }: InstallOptions, terminal: Terminal): Promise<Values> {
  const text = file === undefined ? '' : await readTextFile(file);
  const read = readValues(text, file ?? 'values');
  if (read.kind === 'refused') {
    for (const problem of read.problems) terminal.err(`${printable(formatProblem(problem))}\n`);
    throw new CliFailure(
      exitCode.misuse,
      'these are no values of an installation',
      'mend them; nothing was asked or written',
    );
  }
  for (const [name, image] of Object.entries(read.values.images)) {
    if (typeof image !== 'string' || image.includes('@sha256:')) continue;
    const warning = `images.${name}: \`${image}\` names no digest, so who can write to the registry chooses what runs; name it by \`@sha256:…\``;
    terminal.err(`${printable(warning)}\n`);
  }
  return read.values;
}

function seconds(text: string): number {
  if (/^[0-9]{1,5}$/.test(text)) return Number(text);
  throw new CliFailure(exitCode.misuse, `\`${text}\` is no number of seconds`, 'write --timeout 300');
}

function lineOf({ object, how }: Applied): string {
  return `${nameOf(object)}: ${how}`;
}

/** Also where the installation came to an end: it is theirs to mend. */
async function tellNamespaces(cluster: KubeClient, terminal: Terminal): Promise<void> {
  const tenants = await listed(cluster, 'tenants', terminal.signal);
  const problems = podSecurityProblems(tenants, await listed(cluster, 'namespaces', terminal.signal));
  for (const problem of problems) terminal.err(`${printable(formatProblem(problem))}\n`);
  if (problems.length > 0) terminal.setExitCode(exitCode.no);
}
