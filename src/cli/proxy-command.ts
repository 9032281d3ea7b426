/** `coffre proxy bootstrap WORKLOAD --out DIR`: what an Envoy outside Kubernetes needs to start, and how to start it. */
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import {
  hostsLines,
  type ProxyFolder,
  readProxyFolder,
  relocate,
  tokenEndMs,
  writeProxyFolder,
} from '../admin/proxy-folder.ts';

import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, parseEndpoint, withDoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { addProxyInspection } from './proxy-inspect.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';
import { workloadsFolder } from './up-layout.ts';

interface BootstrapOptions extends DoorOptions {
  readonly out: string;
  readonly xds?: string;
  readonly offline?: true;
  readonly renew?: true;
  readonly output: OutputFormat;
}

/** Waits between two renewals, in ms: a token lives an hour and is renewed by the control plane at half of it. */
const renewalMs = 10 * 60_000;
/** Wait after a renewal that failed, in ms. */
const retryMs = 15_000;

export function addProxyCommand(program: Command, terminal: Terminal): void {
  const proxy = program.command('proxy').description('sidecars: what they need to start, and what they hold');
  withDoorOptions(proxy.command('bootstrap'))
    .description(
      "write one sidecar's bootstrap, root, token and hosts lines into a folder, and print how to start Envoy",
    )
    .argument('<workload>', '`namespace/pod`')
    .requiredOption('--out <dir>', 'folder of this one sidecar; made if it is not there')
    .option(
      '--xds <address:port>',
      'where that machine reaches the control plane, if not where the control plane listens',
    )
    .addOption(
      new Option('--offline', 'copy from the state folder; the token may be old').conflicts(['admin', 'renew']),
    )
    .option('--renew', 'stay, and bring a fresh token in time for as long as the sidecar runs')
    .addOption(outputOption())
    .action((workload: string, options: BootstrapOptions) => bootstrap(terminal, workload, options));
  addProxyInspection(proxy, terminal);
}

async function bootstrap(terminal: Terminal, workload: string, options: BootstrapOptions): Promise<void> {
  const written = await write(workload, options);
  const endMs = tokenEndMs(written);
  const command = envoyCommand(written.folder);
  if (options.output === 'json') {
    writeJson(terminal, {
      workload,
      folder: written.folder,
      command,
      tokenEnds: endMs === undefined ? null : isoOf(endMs),
      hosts: hostsLines(written),
    });
  } else {
    terminal.out(instructions(written, command, endMs));
  }
  if (endMs === undefined || endMs <= terminal.nowMs()) {
    terminal.err(
      'the token has ended, so the control plane will refuse this sidecar: start the control plane and run this again\n',
    );
    terminal.setExitCode(exitCode.no);
  }
  if (options.renew === true) await keepRenewed(terminal, workload, options);
}

async function keepRenewed(terminal: Terminal, workload: string, options: BootstrapOptions): Promise<void> {
  let waitMs = renewalMs;
  for (;;) {
    await pause(waitMs, terminal.signal);
    if (terminal.signal.aborted) return;
    waitMs = await renew(terminal, workload, options);
  }
}

async function write(workload: string, options: BootstrapOptions): Promise<ProxyFolder> {
  const to = {
    folder: resolve(options.out),
    ...(options.xds === undefined ? {} : { controlPlane: parseEndpoint(options.xds) }),
  };
  const found =
    options.offline === true ? await offline(workload, options) : await askDoor(options, 'proxyFiles', { workload });
  const moved = relocate(found, to);
  await writeProxyFolder(moved);
  return moved;
}

async function offline(workload: string, { state }: BootstrapOptions): Promise<ProxyFolder> {
  const found = await readProxyFolder(workloadsFolder(resolve(state)), workload);
  if (found !== undefined) return found;
  throw new CliFailure(
    exitCode.no,
    `\`${state}\` holds nothing for a workload \`${workload}\``,
    'write its Pod into the folder, in a namespace that has a Tenant, and let the control plane run once',
  );
}

/** A control plane that is away for a while is no reason to give up: the token in hand may outlive the outage. */
async function renew(terminal: Terminal, workload: string, options: BootstrapOptions): Promise<number> {
  try {
    await write(workload, options);
    return renewalMs;
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    terminal.err(`not renewed: ${error.message}; tried again in ${retryMs / 1_000} s\n`);
    return retryMs;
  }
}

/** One line that a shell takes as it is. Flags: see the facts in its explanation. */
function envoyCommand(folder: string): string {
  const path = join(folder, 'bootstrap.json');
  return [
    'envoy',
    '-c',
    shellWord(path),
    '--disable-hot-restart',
    '--drain-time-s',
    '1',
    '--drain-strategy',
    'immediate',
  ].join(' ');
}

function instructions(written: ProxyFolder, command: string, endMs: number | undefined): string {
  const { workload, folder } = written;
  return [
    `sidecar of ${workload}: bootstrap.json, root, token and hosts are in ${folder}`,
    '',
    'start it, as the user whose traffic is not captured:',
    '',
    `  ${command}`,
    '',
    '  --disable-hot-restart        two Envoys of one machine would otherwise take each other for the same',
    '  --drain-time-s 1             a withdrawn grant ends its connections after 1 s, not after 600',
    '',
    ...hostsInstructions(hostsLines(written)),
    '',
    endMs === undefined
      ? 'its token cannot be read'
      : `its token ends at ${isoOf(endMs)}; Envoy keeps its configuration beyond that, and gets no change.`,
    `Envoy rereads the token by itself when the file is replaced: run this command again before then, from a timer,`,
    'or leave it running with `--renew`.',
    '',
  ].join('\n');
}

/** Without these lines the application does not find what its sidecar would let it call. */
function hostsInstructions(lines: readonly string[]): readonly string[] {
  if (lines.length === 0)
    return ["its application needs no line in /etc/hosts: every name it may call is the cluster's DNS's"];
  return [
    'write into the /etc/hosts of its application; a grant, a way out, or the end of one changes these lines:',
    '',
    ...lines.map((line) => `  ${line}`),
  ];
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
