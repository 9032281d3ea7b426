/** `coffre chart --out DIR`: the Helm chart, packed from the schemas and the templates of this checkout. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { chartFiles } from '../kube/install/chart.ts';
import { CliFailure } from './cli-failure.ts';
import { createFile } from './create-file.ts';
import { exitCode } from './exit-code.ts';
import { programVersion } from './program-version.ts';
import type { Terminal } from './terminal.ts';

const repo = join(import.meta.dirname, '../..');
const templates = join(repo, 'deploy/chart/templates');

const explanation = `
  coffre chart --out coffre-chart
  kubectl apply --server-side -f coffre-chart/crds/
  helm upgrade --install coffre coffre-chart -n coffre-system --create-namespace --take-ownership -f values.yaml

Its objects are those of \`coffre install --dry-run -f values.yaml\`.
`;

export function addChartCommand(program: Command, terminal: Terminal): void {
  program
    .command('chart')
    .description('write the Helm chart')
    .requiredOption('--out <dir>', 'folder of the chart, without one in it')
    .addHelpText('after', explanation)
    .action(async ({ out }: { out: string }) => {
      const folder = resolve(out);
      for (const [path, text] of chartFiles(await readTemplates(), programVersion)) {
        const file = join(folder, path);
        await mkdir(dirname(file), { recursive: true });
        if (await createFile(file, text)) continue;
        throw new CliFailure(exitCode.misuse, `there is a \`${file}\` already`, 'name a folder without a chart in it');
      }
      terminal.out(`${folder}\n`);
    });
}

async function readTemplates(): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(templates)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(templates, name), 'utf8')] as const)),
  );
}
