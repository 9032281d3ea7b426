/**
 * `coffre proxy status | diff | config`: what a sidecar was sent, where it differs, and what it says itself.
 *
 *   status   the control plane's word: sent, accepted, refused          config   the sidecar's own word
 *   diff     the two against each other; exit 1 where they differ
 */
import { type Command, Option } from 'commander';
import type { ProxyDiff } from '../admin/proxies-diff.ts';
import type { ProxySync } from '../admin/proxies-status.ts';
import { typeNames } from '../admin/proxies-type-name.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { plural } from './plural.ts';
import { printable, table } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

type Asking = DoorOptions & { readonly output: OutputFormat };

export function addProxyInspection(proxy: Command, terminal: Terminal): void {
  asking(proxy.command('status'))
    .description(
      'what each sidecar was sent, accepted and refused, by type; exit 1 where one refused or is not connected',
    )
    .argument('[workload]', '`namespace/pod`; every one that you may see, if none is named')
    .action((workload: string | undefined, options: Asking) => status(terminal, workload, options));
  asking(proxy.command('diff'))
    .description('what a sidecar was sent against what it holds; exit 1 where they differ')
    .argument('<workload>', '`namespace/pod`')
    .action((workload: string, options: Asking) => diff(terminal, workload, options));
  asking(proxy.command('config'))
    .description('what a sidecar says it holds; with `-o json` the contents too, secrets blanked')
    .argument('<workload>', '`namespace/pod`')
    .addOption(new Option('--type <type>', 'one type of resources').choices(typeNames))
    .action((workload: string, options: Asking & { type?: string }) => config(terminal, workload, options));
}

function asking(command: Command): Command {
  return withDoorOptions(command).addOption(outputOption());
}

async function status(terminal: Terminal, workload: string | undefined, options: Asking): Promise<void> {
  const proxies = await askDoor(options, 'proxyStatus', workload === undefined ? {} : { workload });
  const isWrong = ({ connected, types }: ProxySync) =>
    connected === undefined || types.some(({ state }) => state === 'NACKED');
  if (proxies.some(isWrong)) terminal.setExitCode(exitCode.no);
  if (options.output === 'json') writeJson(terminal, proxies);
  else terminal.out(statusText(proxies));
}

function statusText(proxies: readonly ProxySync[]): string {
  const rows = proxies.flatMap(({ workload, connected, types }) =>
    connected === undefined
      ? [[workload, '-', 'not connected', '-', '-']]
      : types.map(({ type, state, seconds, ackedVersion }) => [
          workload,
          type,
          state.replace('_', ' '),
          seconds === undefined ? '-' : ageOf(seconds),
          ackedVersion || '-',
        ]),
  );
  const nacks = proxies.flatMap(({ workload, types }) =>
    types.flatMap(({ type, nack }) =>
      nack === undefined ? [] : [`${workload} refused ${type} ${nack.version}: ${printable(nack.message)}\n`],
    ),
  );
  return [table(['WORKLOAD', 'TYPE', 'STATE', 'FOR', 'ACCEPTED'], rows), ...nacks.map((line) => `\n${line}`)].join('');
}

async function diff(terminal: Terminal, workload: string, options: Asking): Promise<void> {
  const found = await askDoor(options, 'proxyDiff', { workload });
  if (found.differences.length > 0) terminal.setExitCode(exitCode.no);
  if (options.output === 'json') writeJson(terminal, found);
  else terminal.out(diffText(found));
}

function diffText({ workload, revision, compared, differences }: ProxyDiff): string {
  if (differences.length === 0) {
    return `${workload} holds what it was sent: ${plural(compared, 'resource')} of revision ${revision}\n`;
  }
  const rows = differences.map(({ kind, type, name }) => [kind, type, name]);
  return [
    table(['WHAT', 'TYPE', 'NAME'], rows),
    `\n${workload} differs from revision ${revision} in ${plural(differences.length, 'resource')} of ${compared}: `,
    'missing was sent and is not held, extra is held and was not sent\n',
  ].join('');
}

async function config(terminal: Terminal, workload: string, options: Asking & { type?: string }): Promise<void> {
  const request = { workload, ...(options.type === undefined ? {} : { type: options.type }) };
  const { resources } = await askDoor(options, 'proxyConfig', request);
  if (options.output === 'json') {
    writeJson(terminal, resources);
    return;
  }
  const rows = resources.map(({ type, name, state }) => [type, name, state]);
  terminal.out(table(['TYPE', 'NAME', 'STATE'], rows));
}

function ageOf(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
