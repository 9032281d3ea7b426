/**
 * A running lab by hand: `npm run lab -- list`, `npm run lab -- exec <pod> -- <command…>`.
 *
 * A command runs as an application does, confined, unless told otherwise; it ends with this process, and its exit code
 * is ours. So a reader of the demo repeats each row while the demo stays up.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { AgentClient } from './agent-client.ts';
import { followFile } from './follow-file.ts';
import { hostPlace } from './protocol.ts';
import { labName, livingLabs } from './run-directory.ts';

/** What a shell answers for a process that a signal ended: 128 and the signal's number; 9 for all, as labs kill. */
const killedCode = 137;

const program = new Command('lab').description('look into a running lab, and act inside it').enablePositionalOptions();

program
  .command('list')
  .description('labs that run, and their pods')
  .action(async () => {
    for (const dir of await livingLabs()) {
      const client = await AgentClient.connect(dir);
      console.log(`${labName(dir)}  ${dir}`);
      for (const pod of await client.listPods()) {
        const wall = pod.intercepted ? 'intercepted' : 'open';
        console.log(`  ${pod.key}  ${pod.addresses.join(' ')}  ${wall}`);
      }
      client.close();
    }
  });

program
  .command('exec')
  .description(`run a command in a pod, or in \`${hostPlace}\`, where the control plane is`)
  .argument('<pod>')
  .argument('<command...>')
  .option('--lab <name>', 'which lab, if several run')
  .option('--unconfined', 'with every capability the lab has, as its sidecars run', false)
  .passThroughOptions()
  .action(async (pod: string, argv: string[], options: { lab?: string; unconfined: boolean }) => {
    const dir = await chooseLab(options.lab);
    // Commander leaves the `--` that stands between the pod and the command.
    const command = argv[0] === '--' ? argv.slice(1) : argv;
    const client = await AgentClient.connect(dir);
    // A command whose reader has gone ends, as in any pipe.
    process.stdout.once('error', () => client.close());
    try {
      process.exitCode = await execute(client, dir, pod, command, !options.unconfined);
    } finally {
      client.close();
    }
  });

// `lab … | head` reads what it wants and goes: no failure, and no stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

async function chooseLab(name: string | undefined): Promise<string> {
  const labs = await livingLabs();
  const chosen = labs.filter((dir) => name === undefined || labName(dir) === name);
  const [dir] = chosen;
  if (dir === undefined) throw new Error('no such lab runs; start the demo and keep it up');
  if (chosen.length > 1) throw new Error(`several labs run; name one with --lab: ${chosen.map(labName).join(', ')}`);
  return dir;
}

async function execute(
  client: AgentClient,
  dir: string,
  pod: string,
  argv: readonly string[],
  confined: boolean,
): Promise<number> {
  const files = mkdtempSync(join(dir, 'exec-'));
  const [stdoutPath, stderrPath] = [join(files, 'out'), join(files, 'err')];
  for (const path of [stdoutPath, stderrPath]) writeFileSync(path, '');
  try {
    const place = { in: pod, confined, cwd: '/', env: {} };
    const child = await client.spawn({ ...place, argv, stdinPath: '/dev/null', stdoutPath, stderrPath });
    const followed = [
      followFile(stdoutPath, (chunk) => process.stdout.write(chunk)),
      followFile(stderrPath, (chunk) => process.stderr.write(chunk)),
    ];
    const { code } = await child.exited;
    for (const file of followed) file.finish();
    return code ?? killedCode;
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}
