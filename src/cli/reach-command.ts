/**
 * `coffre reach A [B]`: what a party may call, by which rule and until when, and what it comes to through others.
 * `coffre reach --matrix`: the same of everybody, as tables.
 */
import type { Command } from 'commander';
import type { Snapshot } from '../model/snapshot.ts';
import { type Access, accessesOf } from '../proof/access.ts';
import { type AccessMatrix, accessMatrix } from '../proof/access-matrix.ts';
import { partyOf } from '../proof/party.ts';
import { type Reach, reachOf } from '../proof/reach.ts';
import { accessLines, throughLines } from './access-text.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { plural } from './plural.ts';
import { readTime } from './prove-command.ts';
import { readMesh } from './read-mesh.ts';
import { printable, table } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

/** Most accesses that are told of one question. */
const toldMax = 2_000;
/** Most tenants that a table on a screen has. */
const columnsMax = 12;

interface ReachOptions {
  readonly folder: string;
  readonly matrix?: true;
  readonly at?: number;
  readonly output: OutputFormat;
}

export function addReachCommand(program: Command, terminal: Terminal): void {
  program
    .command('reach')
    .description(
      'what a party may call by the policy of a folder, and through whom; exit 1 where it may not call the other',
    )
    .argument('[from]', '`any`, a tenant, `tenant/service`, a pod, a service account or a SPIFFE ID')
    .argument('[to]', 'likewise')
    .requiredOption('-f, --folder <dir>', 'the folder of YAML')
    .option('--matrix', 'tables of tenants by tenants, and of services by identities')
    .option('--at <time>', 'judge ends of grants at this moment, such as 2027-01-01T00:00:00Z', readTime)
    .addOption(outputOption())
    .action((from: string | undefined, to: string | undefined, options: ReachOptions) =>
      reach(terminal, from, to, options),
    );
}

async function reach(
  terminal: Terminal,
  from: string | undefined,
  to: string | undefined,
  { folder, matrix, at = terminal.nowMs(), output }: ReachOptions,
): Promise<void> {
  if ((from === undefined) !== (matrix === true)) {
    throw new CliFailure(exitCode.misuse, 'it is not said what to tell', 'give a party, or `--matrix` and none');
  }
  const { snapshot } = await readMesh(terminal, folder);
  const accesses = accessesOf(snapshot, at);
  if (from === undefined) {
    const tables = accessMatrix(snapshot, accesses);
    if (output === 'json') writeJson(terminal, tables);
    else terminal.out(matrixText(tables));
    return;
  }
  const found = between(snapshot, reachOf(snapshot, accesses, identitiesOf(snapshot, from)), to);
  if (to !== undefined && found.direct.length + found.through.length === 0) terminal.setExitCode(exitCode.no);
  const leftOut = Math.max(0, found.direct.length - toldMax) + Math.max(0, found.through.length - toldMax);
  const told = { direct: found.direct.slice(0, toldMax), through: found.through.slice(0, toldMax) };
  if (output === 'json') writeJson(terminal, { revision: snapshot.revision, from, to, ...told, leftOut });
  else terminal.out(reachText(told, leftOut));
}

function identitiesOf(snapshot: Snapshot, word: string): ReadonlySet<string> {
  return new Set([...workloadsOf(snapshot, word)].map((key) => snapshot.workloads.get(key)?.spiffeId ?? ''));
}

/** @throws CliFailure */
function workloadsOf(snapshot: Snapshot, word: string): ReadonlySet<string> {
  const result = partyOf(snapshot, word);
  if (result.kind === 'nobody') throw new CliFailure(exitCode.misuse, result.message, result.advice);
  return result.party.workloads;
}

/** Of what is reached, what leads to the other party. */
function between(snapshot: Snapshot, { direct, through }: Reach, to: string | undefined): Reach {
  if (to === undefined) return { direct, through };
  const wanted = workloadsOf(snapshot, to);
  const named = /^(.*):(\d{1,5})$/.exec(to);
  const service = named?.[1] ?? to;
  const leads = (access: Access) => {
    if (snapshot.services.has(service)) {
      return access.service === service && (named === null || access.port === Number(named[2]));
    }
    const ports = snapshot.services.get(access.service)?.ports ?? [];
    return ports.some(
      ({ port, endpoints }) => port === access.port && endpoints.some(({ workload }) => wanted.has(workload)),
    );
  };
  return { direct: direct.filter(leads), through: through.filter(({ access }) => leads(access)) };
}

function reachText({ direct, through }: Reach, leftOut: number): string {
  const lines = [
    ...(direct.length + through.length === 0 ? ['nothing'] : []),
    ...direct.flatMap(accessLines),
    ...through.flatMap(throughLines),
    ...(leftOut === 0 ? [] : [`and ${leftOut} more`]),
  ];
  return `${lines.join('\n')}\n`;
}

function matrixText({ tenants, cells, services, leftOut }: AccessMatrix): string {
  const columns = tenants.slice(0, columnsMax);
  const byTenant = table(
    ['from \\ to', ...columns],
    tenants.map((from, row) => [from, ...columns.map((_, column) => String(cells[row]?.[column] ?? 0))]),
  );
  const byService = services.map(({ service, callers, leftOut: more }) =>
    printable(
      `${service}: ${callers.length === 0 ? 'nobody' : callers.join(' ')}${more === 0 ? '' : ` and ${more} more`}`,
    ),
  );
  const rest = [
    ...(tenants.length > columns.length
      ? [`${plural(tenants.length - columns.length, 'more column')}: see --output json`]
      : []),
    ...(leftOut.tenants === 0 ? [] : [`${leftOut.tenants} tenants are left out`]),
    ...(leftOut.services === 0 ? [] : [`${leftOut.services} service ports are left out`]),
  ];
  return `service ports that some identity of the one tenant may call in the other:\n${byTenant}\n${[...byService, ...rest].join('\n')}\n`;
}
