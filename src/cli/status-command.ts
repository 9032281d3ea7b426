/** `coffre status`: the health of the mesh, and what each proxy accepted. */
import type { Command } from 'commander';
import type { EvidenceStatus, MeshStatus, WorkerStatus } from '../admin/mesh-status.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { plural } from './plural.ts';
import { printable, table } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

export function addStatusCommand(program: Command, terminal: Terminal): void {
  withDoorOptions(program.command('status'))
    .description('health of the mesh and of every proxy; exit 1 where something is wrong')
    .addOption(outputOption())
    .action(async (options: DoorOptions & { output: OutputFormat }) => {
      const status = await askDoor(options, 'status', {});
      if (status.wrong.length > 0) terminal.setExitCode(exitCode.no);
      if (options.output === 'json') writeJson(terminal, status);
      else terminal.out(statusText(status));
    });
}

const shownTypes = ['LDS', 'CDS', 'EDS', 'RDS', 'SDS', 'ECDS', 'RTDS'];

function statusText(status: MeshStatus): string {
  const {
    ready,
    trustDomain,
    revision,
    tenants,
    problems,
    proxies,
    workers = [],
    quarantines,
    evidence,
    wrong,
  } = status;
  const connected = proxies.filter((proxy) => proxy.connected !== undefined).length;
  const rows = proxies.map(({ workload, connected: link, types, certificate }) => [
    workload,
    link === undefined ? 'not connected' : link.address,
    ...shownTypes.map((type) => types.find((each) => each.type === type)?.state ?? '-'),
    certificate === undefined ? 'none' : `${lifeOf(certificate.secondsLeft)} left`,
  ]);
  const nacks = proxies.flatMap(({ workload, types }) =>
    types.flatMap(({ type, nack }) =>
      nack === undefined ? [] : [`${workload} refused ${type}: ${printable(nack)}\n`],
    ),
  );
  return [
    `mesh ${trustDomain || '(unknown)'}: ${ready ? 'ready' : 'NOT READY'}, revision ${revision || '(none)'}\n`,
    `${tenants.length} tenants, ${proxies.length} workloads, ${connected} proxies connected\n`,
    ...workers.map((worker) => `${workerLine(worker)}\n`),
    ...(evidence === undefined ? [] : evidenceLines(evidence).map((line) => `${printable(line)}\n`)),
    ...(proxies.length === 0 ? [] : ['\n', table(['WORKLOAD', 'PROXY', ...shownTypes, 'CERTIFICATE'], rows)]),
    ...(nacks.length === 0 ? [] : ['\n', ...nacks]),
    ...(problems.length === 0
      ? []
      : ['\n', ...problems.map(({ severity, text }) => `${severity}: ${printable(text)}\n`)]),
    ...(quarantines.length === 0 ? [] : ['\n', ...quarantines.map(quarantineLine)]),
    '\n',
    wrong.length === 0
      ? 'all is well\n'
      : `${wrong.length} wrong:\n${wrong.map((text) => `  ${printable(text)}\n`).join('')}`,
  ].join('');
}

function workerLine({ address, revision, state }: WorkerStatus): string {
  return `authorization worker at ${address}: revision ${revision || '(none)'}, ${state}`;
}

function quarantineLine({ spiffeId, untilMs, by, reason }: MeshStatus['quarantines'][number]): string {
  return `quarantine: ${printable(`${spiffeId} until ${new Date(untilMs).toISOString()}, by ${by}: ${reason}`)}\n`;
}

function evidenceLines({ head, blocked, sinks }: EvidenceStatus): readonly string[] {
  const late = sinks.filter(({ lag, failing }) => lag > 0 || failing !== undefined);
  return [
    blocked === undefined
      ? `evidence: record ${head}${sinks.length === 0 ? '' : `, ${upToDate(sinks.length - late.length, sinks.length)}`}`
      : `evidence: nothing is written: ${blocked}`,
    ...late.map(
      ({ name, lag, failing }) => `sink ${name}: ${lag} behind${failing === undefined ? '' : `, ${failing}`}`,
    ),
  ];
}

function upToDate(count: number, of: number): string {
  return count === of ? `${plural(of, 'sink')} up to date` : `${count} of ${plural(of, 'sink')} up to date`;
}

function lifeOf(seconds: number): string {
  if (seconds <= 0) return 'ENDED, 0 s';
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
