/**
 * `coffre grant request`: what the owner of a destination could commit so that one caller may make one request, for a while.
 *
 *   --from --to and the request ──explain──▶ cure ──▶ with an end and a reason ──▶ YAML, printed      --apply FILE: and created
 *
 * Nothing is granted here: no control plane writes, and the file is created with the rights of whoever runs the command.
 * With a folder at hand the YAML is tried there first; from a running control plane it comes as the cure that this one
 * gives. The surprise: the end counts from now, so it has begun before anybody commits it.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseDocument as parseYaml } from 'yaml';
import { loadFolder } from '../folder/watch-folder.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { parseDurationMs } from '../model/duration.ts';
import { formatProblem } from '../model/format-problem.ts';
import { parseDocument } from '../model/parse-document.ts';
import { formatSourceRef } from '../model/source-ref.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import type { Cure } from '../policy/cure.ts';
import { type Explanation, explain, type Question } from '../policy/explain.ts';
import { CliFailure } from './cli-failure.ts';
import { createFile } from './create-file.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { readDestination } from './explain-command.ts';
import { readableFolder } from './readable-folder.ts';
import { type RequestOptions, readRequest, withRequestOptions } from './request-options.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Shortest life of what is asked for, in ms: a shorter one is over before it is committed. */
const lifeMinMs = 60_000;
/** Longest, in ms: what is wanted for more than 30 days is no matter of just in time. */
const lifeMaxMs = 720 * 3_600_000;

interface GrantOptions extends DoorOptions, RequestOptions {
  readonly from: string;
  readonly to: string;
  readonly for: string;
  readonly reason: string;
  readonly folder?: string;
  readonly apply?: string;
}

export function addGrantCommand(program: Command, terminal: Terminal): void {
  const grant = program.command('grant').description('rights for a while');
  const command = withDoorOptions(grant.command('request'))
    .description('print the least that would let one request through until its end, for the owner of `--to` to commit')
    .requiredOption('--from <caller>', '`tenant/service-account`, or SPIFFE ID')
    .requiredOption('--to <destination>', '`tenant/service`, `tenant/service:port`');
  withRequestOptions(command)
    .requiredOption('--for <duration>', 'from now on, such as `2h`')
    .requiredOption('--reason <text>', 'why, for the people who will ask')
    .option('-f, --folder <dir>', 'judge by this folder of YAML instead of asking the control plane')
    .option('--apply <file>', 'create this file too, with your own rights; nothing is overwritten')
    .action((options: GrantOptions) => request(terminal, options));
}

async function request(terminal: Terminal, options: GrantOptions): Promise<void> {
  const { from, to, folder, apply } = options;
  const end = endOf(options.for, terminal.nowMs());
  const reason = readReason(options.reason);
  const file = apply === undefined ? undefined : readFileName(apply);
  const question = { from, to: readDestination(to), request: readRequest(options) };
  const objects = folder === undefined ? undefined : await objectsIn(folder);
  const explanation =
    objects === undefined
      ? await askDoor(options, 'explain', question)
      : explain(buildSnapshot(objects), question, terminal.nowMs());
  const { yaml, caution, wider } = onlyCure(explanation);
  const limited = withEnd(yaml, end, reason);
  const written = readBack(limited);
  if (objects !== undefined) tryOut([...objects, ...written], question, terminal.nowMs());
  if (file !== undefined) await create(file, limited);
  terminal.out(limited);
  for (const mind of [caution, wider]) {
    if (mind !== undefined) terminal.err(`${printable(`mind: ${mind}`)}\n`);
  }
  if (file !== undefined) terminal.err(`${printable(`created ${file}; it ends at ${end}`)}\n`);
}

/** @throws CliFailure */
async function objectsIn(dir: string): Promise<readonly SourcedObject[]> {
  return readableFolder(dir, await loadFolder(resolve(dir))).objects;
}

/** @returns in RFC 3339, to the second. @throws CliFailure */
function endOf(duration: string, nowMs: number): string {
  const lifeMs = parseDurationMs(duration);
  if (lifeMs === undefined || lifeMs < lifeMinMs || lifeMs > lifeMaxMs) {
    const why = lifeMs === undefined ? 'is no duration' : 'is out of range';
    throw new CliFailure(exitCode.misuse, `\`--for ${duration}\` ${why}`, 'write between `1m` and `720h`');
  }
  return new Date(Math.ceil((nowMs + lifeMs) / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}

/** Of one line, as it may have to stand in a comment. @throws CliFailure */
function readReason(reason: string): string {
  if (reason.trim() !== '' && !/[\p{Cc}\u2028\u2029]/u.test(reason)) return reason.trim();
  throw new CliFailure(exitCode.misuse, 'the reason is empty, or longer than a line', 'say in one line what it is for');
}

/** @throws CliFailure */
function readFileName(file: string): string {
  if (/\.ya?ml$/.test(file)) return resolve(file);
  const advice = 'let its name end in `.yaml`';
  throw new CliFailure(exitCode.misuse, `\`${file}\` would not be read: a folder is read by its YAML files`, advice);
}

type Written = Extract<Cure, { kind: 'write' }>;

/** @throws CliFailure with why there is none. */
function onlyCure(explanation: Explanation): Written {
  if (explanation.kind === 'no-such-destination') {
    throw new CliFailure(exitCode.misuse, explanation.message, explanation.advice);
  }
  const { judgements, destination } = explanation;
  const refusals = judgements.filter(({ verdict }) => verdict === 'deny');
  if (refusals.length === 0) {
    const [first] = judgements;
    const advice = 'nothing needs to be written; `coffre reach` tells until when it holds';
    throw new CliFailure(exitCode.no, `it is allowed already: ${first?.sentence ?? destination}`, advice);
  }
  const cures = refusals.map(({ cure }) => writable(cure));
  const [cure, ...others] = [...new Map(cures.map((each) => [each.yaml, each])).values()];
  if (cure === undefined || others.length > 0) {
    throw new CliFailure(
      exitCode.no,
      `the workloads behind \`${destination}\` differ, so that no one rule is the least for all`,
      `write what each of them needs: \`coffre explain\` tells it`,
    );
  }
  return cure;
}

/** @throws CliFailure where no text helps. */
function writable(cure: Cure | undefined): Written {
  const nothing = 'no grant may help';
  if (cure === undefined || cure.kind === 'none') {
    const why = cure?.why ?? 'its reason is not known';
    const instead = cure?.instead ?? 'ask the owner of the destination for another way';
    throw new CliFailure(exitCode.no, `${nothing}: ${why}`, instead);
  }
  if (cure.kind === 'change') {
    throw new CliFailure(exitCode.no, `${nothing} against ${formatSourceRef(cure.where)}`, cure.advice);
  }
  if (cure.refusedBy !== undefined) {
    throw new CliFailure(
      exitCode.no,
      `${nothing}: ${cure.caution ?? 'a deny rule would refuse it all the same'}`,
      `its owner would have to change ${formatSourceRef(cure.refusedBy)} first`,
    );
  }
  return cure;
}

/** A grant has fields for both; of a policy it is the rule that ends, and the reason is a comment. */
function withEnd(yaml: string, end: string, reason: string): string {
  const document = parseYaml(yaml);
  if (document.get('kind') === 'Grant') {
    document.setIn(['spec', 'notAfter'], end);
    document.setIn(['spec', 'reason'], reason);
  } else {
    document.commentBefore = ` ${reason}`;
    document.setIn(['spec', 'allow', 0, 'notAfter'], end);
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** As every source reads it. @throws CliFailure */
function readBack(yaml: string): readonly SourcedObject[] {
  const { objects, problems } = parseDocument(yaml, 'request.yaml');
  const [problem] = problems;
  if (problem === undefined) return objects;
  throw new CliFailure(
    exitCode.misuse,
    `it could not be read: ${formatProblem(problem)}`,
    'mend what it was asked with',
  );
}

/** @throws CliFailure where it would change nothing. */
function tryOut(objects: readonly SourcedObject[], question: Question, nowMs: number): void {
  const after = explain(buildSnapshot(objects), question, nowMs);
  if (after.kind === 'judged' && after.verdict === 'allow') return;
  const refusal = after.kind === 'judged' ? after.judgements.find(({ verdict }) => verdict === 'deny') : undefined;
  const why = refusal?.sentence ?? 'there would be no such destination';
  throw new CliFailure(
    exitCode.no,
    `it would be refused all the same: ${why}`,
    'mend what `coffre check` tells of this folder',
  );
}

/** @throws CliFailure where the file is there. */
async function create(file: string, content: string): Promise<void> {
  if (await createFile(file, content)) return;
  throw new CliFailure(exitCode.misuse, `\`${file}\` is there already, and was left as it is`, 'name another file');
}
