/**
 * `coffre explain`: why a request is allowed or refused, which line decided, and the least that would allow it.
 *
 *   --from, --to, --method, --path ─────────┐                 --folder DIR: offline, over the YAML
 *   decision id ──evidence, or logs──▶ record ┴─▶ question ─▶   otherwise: the running control plane
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Answers } from '../admin/answer.ts';
import { loadFolder } from '../folder/watch-folder.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { type Destination, type Explanation, explain, type Question } from '../policy/explain.ts';
import { readAddress } from './address-text.ts';
import { CliFailure } from './cli-failure.ts';
import { answered, askDoor, type DoorOptions, tryDoor, withDoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { explanationText, pastText } from './explanation-text.ts';
import { findDecision, type PastDecision } from './find-decision.ts';
import { lastRefusal } from './last-refusal.ts';
import { outputOption } from './output-option.ts';
import { pastOfEvent } from './past-event.ts';
import { readableFolder } from './readable-folder.ts';
import { type RequestOptions, readRequest, withRequestOptions } from './request-options.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';
import { decisionsFile } from './up-layout.ts';

/** Events that may bear one decision's id: the denial, and what came of it at the caller. */
const eventsOfOneIdMax = 10;

interface ExplainOptions extends DoorOptions, RequestOptions {
  readonly from?: string;
  readonly to?: string;
  readonly folder?: string;
  readonly log: readonly string[];
  readonly output: OutputFormat;
}

export function addExplainCommand(program: Command, terminal: Terminal): void {
  const command = withDoorOptions(program.command('explain'))
    .description('why a request is allowed or denied; exit 1 where it is denied')
    .argument('[id]', 'a decision, from the response header `x-coffre-decision`, or an event of `coffre events`')
    .option(
      '--from <caller>',
      'SPIFFE ID, or `tenant/service-account`; with `--to`, the last refusal between the two is told as well',
    )
    .option('--to <destination>', '`tenant/service`, `tenant/service:port`, or `address:port`');
  withRequestOptions(command)
    .option('--folder <dir>', 'judge by this folder of YAML instead of asking the control plane')
    .option(
      '--log <file>',
      'look the id up in these JSON lines of an authorization worker or of a sidecar, not in the evidence; repeatable',
      collect,
      [],
    )
    .addOption(outputOption())
    .action((id: string | undefined, options: ExplainOptions) =>
      id === undefined ? explainQuestion(terminal, options) : explainId(terminal, id, options),
    );
}

function collect(file: string, files: readonly string[]): readonly string[] {
  return [...files, file];
}

async function explainQuestion(terminal: Terminal, options: ExplainOptions): Promise<void> {
  const { from, to } = options;
  if (from === undefined || to === undefined) {
    throw new CliFailure(
      exitCode.misuse,
      'there is nothing to explain',
      'give a decision id, or `--from tenant/service-account --to tenant/service`',
    );
  }
  const destination = readDestination(to);
  const question = { from, to: destination, request: readRequest(options) };
  const now = await explanationOf(terminal, options, question);
  const last = options.folder === undefined ? await lastRefusal(options, from, destination, now) : undefined;
  report(terminal, now, options, undefined, last);
}

async function explainId(terminal: Terminal, id: string, options: ExplainOptions): Promise<void> {
  const past = await pastOf(terminal, id, options);
  const now = past.question === undefined ? undefined : await explanationOf(terminal, options, past.question);
  report(terminal, now, options, past);
}

/** From the evidence; from what the worker wrote down, where no control plane answers or the evidence has it no more. */
async function pastOf(terminal: Terminal, id: string, options: ExplainOptions): Promise<PastDecision> {
  const { log, state } = options;
  const beside = decisionsFile(resolve(state));
  const files = log.length > 0 ? log : [beside].filter((file) => existsSync(file));
  const asked = log.length > 0 ? undefined : await tryDoor(options, 'events', { id, limit: eventsOfOneIdMax });
  const kept = asked?.kind === 'answered' ? keptPast(terminal, id, asked.value) : undefined;
  const past = kept ?? (await findDecision(files, id));
  if (past !== undefined) return past;
  // Of a door that did not answer nobody knows what its evidence holds.
  if (asked !== undefined) answered(options, asked);
  const places = log.length > 0 ? log.map((file) => `\`${file}\``) : ['the evidence', `\`${beside}\``];
  throw new CliFailure(
    exitCode.no,
    `no decision \`${id}\` is in ${places.join(' or ')}`,
    "name the worker's decision log, or the sidecar's own log of refusals: `--log FILE`",
  );
}

/** One decision is told by one proxy. Where others tell of it as well, one of them made it up, and the reader must know. */
function keptPast(terminal: Terminal, id: string, { events }: Answers['events']): PastDecision | undefined {
  const told = events.flatMap(({ event }) => {
    const past = pastOfEvent(event);
    return past === undefined ? [] : [{ past, by: event.workload ?? event.tenant }];
  });
  const tellers = [...new Set(told.map(({ by }) => by))];
  if (tellers.length > 1) {
    terminal.err(
      `${tellers.join(' and ')} tell of this id, and only one can have decided: see \`coffre events ${id}\`\n`,
    );
  }
  return told.at(-1)?.past;
}

async function explanationOf(terminal: Terminal, options: ExplainOptions, question: Question): Promise<Explanation> {
  if (options.folder === undefined) return askDoor(options, 'explain', question);
  const { objects } = readableFolder(options.folder, await loadFolder(resolve(options.folder)));
  return explain(buildSnapshot(objects), question, terminal.nowMs());
}

/**
 * @param now absent where the record holds no request that could be judged again.
 * @param last what the evidence tells of the same two, where nobody named an event.
 */
function report(
  terminal: Terminal,
  now: Explanation | undefined,
  { output }: ExplainOptions,
  past?: PastDecision,
  last?: PastDecision,
): void {
  const verdict = past?.verdict ?? (now?.kind === 'judged' ? now.verdict : 'deny');
  if (verdict !== 'allow') terminal.setExitCode(exitCode.no);
  if (output === 'json') {
    writeJson(terminal, past === undefined ? { ...now, ...(last === undefined ? {} : { last }) } : { past, now });
    return;
  }
  if (past !== undefined) terminal.out(pastText(past, now));
  if (last !== undefined) terminal.out(`last refused: ${pastText(last, now)}`);
  if (now !== undefined) terminal.out(explanationText(now));
}

/** @param to as `--to` takes it. @throws CliFailure */
export function readDestination(to: string): Destination {
  const place = readAddress(to);
  if (place !== undefined) return { kind: 'address', ...place };
  const [, service, port] = /^([a-z0-9-]+\/[a-z0-9.-]+)(?::(\d{1,5}))?$/.exec(to) ?? [];
  if (service === undefined) {
    throw new CliFailure(
      exitCode.misuse,
      `\`${to}\` is no destination`,
      'write `tenant/service`, `tenant/service:port` or `address:port`',
    );
  }
  return { kind: 'service', service, ...(port === undefined ? {} : { port: Number(port) }) };
}
