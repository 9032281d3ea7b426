/** `coffre prove --from A --cannot-reach B`: asked of what the proxies of a folder would be told, not of its policy. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Snapshot } from '../model/snapshot.ts';
import { MeshReading } from '../proof/mesh-reading.ts';
import { type PartyResult, partyOf } from '../proof/party.ts';
import { type Party, type Proof, prove } from '../proof/prove.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { proofJson, proofText } from './proof-text.ts';
import { compileMesh, readMesh } from './read-mesh.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

/** Most hops of a path: no path without a loop is longer than the mesh has workloads. */
const hopsMax = 10_000;

interface ProveOptions {
  readonly from: string;
  readonly cannotReach: string;
  readonly folder: string;
  readonly hops: number;
  readonly compromised: boolean;
  readonly at?: number;
  readonly output: OutputFormat;
}

export function addProveCommand(program: Command, terminal: Terminal): void {
  program
    .command('prove')
    .description('whether the compiled Envoy configuration lets anything of one party come to the other')
    .requiredOption('--from <party>', '`any`, a tenant, `tenant/service`, a pod, a service account or a SPIFFE ID')
    .requiredOption('--cannot-reach <party>', 'likewise; a service may name a port, as `tenant/service:443`')
    .requiredOption('-f, --folder <dir>', 'the folder of YAML')
    .option('--hops <n>', 'longest path to look for; 1 asks for direct calls only', readHops, hopsMax)
    .option('--no-compromised', 'callers come only where their own sidecars lead; otherwise they dial any address')
    .option('--at <time>', 'judge ends of grants at this moment, such as 2027-01-01T00:00:00Z', readTime)
    .addOption(outputOption())
    .action((options: ProveOptions) => proveFolder(terminal, options));
}

const exitCodes = { 'no-path': exitCode.ok, path: exitCode.reachable, unknown: exitCode.unknown } as const;

async function proveFolder(terminal: Terminal, options: ProveOptions): Promise<void> {
  const { from, cannotReach, folder, hops, compromised, at = terminal.nowMs(), output } = options;
  const { snapshot } = await readMesh(terminal, folder);
  const question = { from: party(snapshot, from), to: party(snapshot, cannotReach), compromised, hopsMax: hops };
  const proof: Proof = prove(new MeshReading(compileMesh(snapshot, at)), question);
  terminal.setExitCode(exitCodes[proof.kind]);
  if (output === 'json') writeJson(terminal, { revision: snapshot.revision, from, cannotReach, ...proofJson(proof) });
  else terminal.out(proofText(proof, { from, to: cannotReach, compromised }));
}

/** @throws CliFailure */
function party(snapshot: Snapshot, word: string): Party {
  const result: PartyResult = partyOf(snapshot, word);
  if (result.kind === 'party') return result.party;
  throw new CliFailure(exitCode.misuse, result.message, result.advice);
}

function readHops(text: string): number {
  const hops = Number(text);
  if (!Number.isInteger(hops) || hops < 1 || hops > hopsMax) {
    throw new InvalidArgumentError(`write a whole number from 1 to ${hopsMax}`);
  }
  return hops;
}

export function readTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('write a time such as 2027-01-01T00:00:00Z');
  return ms;
}
