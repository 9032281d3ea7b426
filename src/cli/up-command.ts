/**
 * `coffre up DIR`: a control plane and authorization workers over a folder, until Ctrl-C.
 *
 *   control plane ──ready──▶ workers ──▶ what is served, what is wrong, what to try next ──▶ news, until Ctrl-C
 *
 * They are siblings: none is another's child, and what one does not survive the others do. What ends by itself is told and
 * started again, but for a control plane that never came to serve: then the command fails.
 */
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { managementSocket } from '../admin/door-names.ts';
import { ask } from '../admin/management-client.ts';
import type { MeshStatus } from '../admin/mesh-status.ts';
import { controlPlaneNodeFlags, evidencePort } from '../config.ts';
import { workerKey } from '../controller/configure.ts';
import { CliFailure } from './cli-failure.ts';
import { parseEndpoint, stateOption } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { KeptRunning } from './kept-running.ts';
import { keyFileOption } from './key-file-option.ts';
import { plural } from './plural.ts';
import { Sibling } from './sibling.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { decisionsFile, workerStateFolder, workloadsFolder } from './up-layout.ts';
import { workerAddresses, workersDefault, workersMax } from './worker-addresses.ts';

interface UpOptions {
  readonly state: string;
  readonly stateKeyFile?: string;
  readonly xds: string;
  readonly authz: string;
  readonly workers: number;
  readonly admin?: string;
  readonly bypass: string;
}

/** Longest wait for the control plane to serve where its folder is whole, in ms: a first start makes a CA. */
const startMs = 60_000;
/** Between two looks whether it does, in ms. */
const lookMs = 100;

export function addUpCommand(program: Command, terminal: Terminal): void {
  program
    .command('up')
    .description('run a control plane and authorization workers over a folder of YAML, until Ctrl-C')
    .argument('<dir>', 'the folder; it is watched')
    .addOption(stateOption())
    .addOption(keyFileOption())
    .option('--xds <address:port>', 'where sidecars connect', '127.0.0.1:15012')
    .option(
      '--authz <address:port>',
      'where sidecars ask the first worker for verdicts; the others listen on the ports behind it',
      '127.0.0.1:15016',
    )
    .option('--workers <n>', `how many authorization workers, 1 to ${workersMax}`, Number, workersDefault)
    .option(
      '--admin <address:port>',
      'where people ask over mutual TLS; the socket in the state folder is always there',
    )
    .addOption(
      new Option('--bypass <how>', "how a sidecar's own connections escape capture")
        .choices(['user', 'mark'])
        .default('user'),
    )
    .action((dir: string, options: UpOptions) => up(terminal, dir, options));
}

async function up(terminal: Terminal, dir: string, options: UpOptions): Promise<void> {
  if (!(await isFolder(dir))) {
    throw new CliFailure(exitCode.misuse, `\`${dir}\` is no folder`, 'name the folder that holds the YAML of the mesh');
  }
  const authz = workerAddresses(options.authz, options.workers, otherAddresses(options));
  const state = resolve(options.state);
  const tell = (line: string) => terminal.err(`${printable(line)}\n`);
  const start = (name: string, args: readonly string[]) => new Sibling(name, args, tell);
  const kept: { stop(): Promise<void> }[] = [];
  const keep = (start: () => Sibling, first = start()) =>
    kept.push(new KeptRunning(first, { start, tell, clock: { nowMs: () => terminal.nowMs(), setTimer } }));
  try {
    const startControlPlane = () => start('control plane', controlPlaneArgs(dir, state, authz, options));
    const controlPlane = startControlPlane();
    kept.push(controlPlane);
    const status = await untilReady(terminal, state, controlPlane);
    if (status === undefined) return; // Ctrl-C came first
    kept.pop();
    keep(startControlPlane, controlPlane);
    for (const [index, address] of authz.entries()) {
      const folder = workerStateFolder(state, index + 1);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      keep(() => start(`authorization worker ${index + 1}`, workerArgs(state, folder, address, options)));
    }
    terminal.out(welcome(dir, state, authz, options, status));
    await aborted(terminal.signal);
  } finally {
    await Promise.all(kept.map((each) => each.stop()));
  }
}

/** One that is lost later is waited for; one that was never there is a slip of the keyboard. */
function isFolder(dir: string): Promise<boolean> {
  return stat(dir).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Where something else than a worker will listen, and what that is. @throws CliFailure for what is no address. */
function otherAddresses({ xds, admin }: UpOptions): ReadonlyMap<string, string> {
  parseEndpoint(xds);
  const evidence = xds.replace(/:\d+$/, `:${evidencePort}`);
  const others = new Map([
    [xds, 'sidecars that connect'],
    [evidence, 'what sidecars log'],
  ]);
  if (admin === undefined) return others;
  parseEndpoint(admin);
  return others.set(admin, 'people who ask');
}

function controlPlaneArgs(
  dir: string,
  state: string,
  authz: readonly string[],
  { xds, admin, bypass, stateKeyFile }: UpOptions,
): readonly string[] {
  return [
    ...controlPlaneNodeFlags,
    join(import.meta.dirname, '../main.ts'),
    ...['--folder', resolve(dir), '--state', state, '--xds', xds, '--bypass', bypass],
    ...['--authz', authz.join(',')],
    ...(admin === undefined ? [] : ['--admin', admin]),
    ...(stateKeyFile === undefined ? [] : ['--state-key-file', resolve(stateKeyFile)]),
  ];
}

function workerArgs(state: string, folder: string, listen: string, { xds }: UpOptions): readonly string[] {
  return [
    join(import.meta.dirname, '../worker.ts'),
    ...['--xds', xds, '--listen', listen, '--files', join(workloadsFolder(state), workerKey)],
    ...['--state', folder, '--decisions', decisionsFile(state)],
  ];
}

/** @returns undefined where the person gave up first. @throws CliFailure where it cannot come to serve. */
async function untilReady(terminal: Terminal, state: string, controlPlane: Sibling): Promise<MeshStatus | undefined> {
  let ended: string | undefined;
  void controlPlane.end.then((how) => {
    ended = how;
  });
  const deadlineMs = terminal.nowMs() + startMs;
  let toldToWait = false;
  while (!terminal.signal.aborted) {
    if (ended !== undefined) {
      throw new CliFailure(exitCode.no, ended, 'what it said last stands above; mend that and start again');
    }
    const asked = await ask({ kind: 'socket', path: join(state, managementSocket) }, 'status', {});
    if (asked.kind === 'answered' && asked.value.ready) return asked.value;
    const waitsForMesh = asked.kind === 'answered' && asked.value.problems.some(({ code }) => code === 'missing-mesh');
    // A person may be writing the Mesh at this moment: that wait has no end but theirs.
    if (!waitsForMesh && terminal.nowMs() > deadlineMs) {
      throw new CliFailure(
        exitCode.no,
        `the control plane does not serve after ${startMs / 1_000} s`,
        'what it said stands above',
      );
    }
    if (waitsForMesh && !toldToWait) terminal.err('nothing is served before there is a Mesh; it is waited for\n');
    toldToWait ||= waitsForMesh;
    await sleep(lookMs, undefined, { signal: terminal.signal }).catch(() => undefined);
  }
  return undefined;
}

function welcome(
  dir: string,
  state: string,
  authz: readonly string[],
  { xds, admin }: UpOptions,
  status: MeshStatus,
): string {
  const [workload = 'TENANT/POD'] = status.proxies.map((proxy) => proxy.workload);
  const flags = state === resolve('.coffre') ? '' : ` --state ${state}`;
  return [
    `serving the mesh ${status.trustDomain} from ${dir} (revision ${status.revision})`,
    '',
    `  sidecars connect to         ${xds}    ADS over TLS, each by its own token`,
    `  and ask for verdicts at     ${authz.join(', ')}    mutual TLS`,
    `  people ask at               ${join(state, managementSocket)}${admin === undefined ? '' : `, and ${admin} over mutual TLS`}`,
    `  decisions are written to    ${decisionsFile(state)}`,
    `  the CA and its keys are in  ${state}    back them up: coffre backup`,
    '',
    `${status.tenants.length} tenants, ${status.proxies.length} workloads; ${problemCount(status)}`,
    '',
    'try in another terminal:',
    "  alias coffre='npm run -s coffre --'",
    `  coffre status${flags}`,
    `  coffre proxy bootstrap ${workload} --out ./sidecar${flags}`,
    `  coffre explain --from TENANT/SERVICE-ACCOUNT --to TENANT/SERVICE${flags}`,
    '',
    'edit the folder, and what changes is told here; what ends by itself is started again; Ctrl-C ends it all',
    '',
  ].join('\n');
}

/** Each was told as it was found. */
function problemCount({ problems }: MeshStatus): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  return problems.length === 0
    ? 'no problems'
    : `problems told above: ${plural(errors, 'error')}, ${plural(problems.length - errors, 'warning')}`;
}

/** @returns cancels the timer; may be called twice. */
function setTimer(afterMs: number, then: () => void): () => void {
  const timer = setTimeout(then, afterMs);
  return () => clearTimeout(timer);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
