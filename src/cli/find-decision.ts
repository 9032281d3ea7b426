/**
 * Looks one decision up by its id, in what was written down when it was made.
 *
 *   authorization worker   {id, timeMs, request: {principal, destination, method, path}, verdict, …}
 *   sidecar                {log: "request", decision, time, principal, destination, method, path, status, details}
 *
 * Logs are JSON lines that a crash may have cut, mixed with lines of other kinds; what is no record of ours is passed
 * over. A worker's record says more than a sidecar's, so it wins where both have the id.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Question } from '../policy/explain.ts';
import { readAddress } from './address-text.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';
import type { RefusalMeaning } from './past-meaning.ts';

export interface PastDecision {
  readonly id: string;
  /** It is the id of an event, as no caller was shown one. */
  readonly isEvent?: true;
  readonly source: 'worker' | 'sidecar';
  /** ISO 8601. */
  readonly time: string;
  readonly verdict: 'allow' | 'deny' | 'unavailable' | 'undecodable';
  /** The rule that allowed, or the reason's code. */
  readonly reason: string;
  /** Which policy judged; absent in a sidecar's record. */
  readonly revision?: string;
  /** To be judged again; absent where no request could be read, and where no rule refused it. */
  readonly question?: Question;
  /** Of what no rule refused. */
  readonly meaning?: RefusalMeaning;
}

/** @throws CliFailure where a file cannot be read. @returns the last record of the best source. */
export async function findDecision(files: readonly string[], id: string): Promise<PastDecision | undefined> {
  let found: PastDecision | undefined;
  for (const file of files) {
    const lines = createInterface({ input: createReadStream(file) });
    try {
      for await (const line of lines) {
        // Most lines are about something else, and are not worth parsing.
        const record = line.includes(id) ? readRecord(line, id) : undefined;
        if (record !== undefined && !(found?.source === 'worker' && record.source === 'sidecar')) found = record;
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CliFailure(exitCode.misuse, `the log cannot be read: ${why}`, 'name the decision logs: `--log FILE`');
    }
  }
  return found;
}

function readRecord(line: string, id: string): PastDecision | undefined {
  const record = parse(line.slice(Math.max(0, line.indexOf('{'))));
  if (record['id'] === id && typeof record['timeMs'] === 'number') return workerRecord(record, id, record['timeMs']);
  return record['log'] === 'request' && record['decision'] === id ? sidecarRecord(record, id) : undefined;
}

const verdicts = ['allow', 'deny', 'unavailable', 'undecodable'] as const;

function workerRecord(record: Fields, id: string, timeMs: number): PastDecision | undefined {
  const verdict = verdicts.find((each) => each === record['verdict']);
  if (verdict === undefined) return undefined;
  const { rule, reason, why, revision, request } = record;
  const question = readQuestion(isFields(request) ? request : {});
  return {
    id,
    source: 'worker',
    time: new Date(timeMs).toISOString(),
    verdict,
    reason: textOf(rule) || textOf(reason) || textOf(why),
    ...(typeof revision === 'string' ? { revision } : {}),
    ...(question === undefined ? {} : { question }),
  };
}

/**
 * By `details`, as the status tells too little: gRPC is answered 200 whatever happens, and an application has a 403 of
 * its own. What was neither refused nor answered by the application failed on the way.
 */
function sidecarVerdict(details: string): PastDecision['verdict'] {
  if (details === 'via_upstream') return 'allow';
  return /^(rbac_access_denied|ext_authz_denied)/.test(details) ? 'deny' : 'unavailable';
}

function sidecarRecord(record: Fields, id: string): PastDecision {
  const reason = textOf(record['details']);
  const question = readQuestion(record);
  return {
    id,
    source: 'sidecar',
    time: textOf(record['time']),
    verdict: sidecarVerdict(reason),
    reason,
    ...(question === undefined ? {} : { question }),
  };
}

function readQuestion({ principal, destination, method, path }: Fields): Question | undefined {
  const place = readAddress(textOf(destination));
  if (place === undefined || typeof method !== 'string' || typeof path !== 'string') return undefined;
  return {
    from: textOf(principal),
    to: { kind: 'address', ...place },
    request: { method, path: path.split('?')[0] ?? path },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parse(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line);
    return isFields(value) ? value : {};
  } catch {
    return {};
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
