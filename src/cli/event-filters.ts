/** What `events`, `tap` and `top` look at, as flags. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Requests } from '../admin/answer.ts';
import { type EventKind, eventKinds } from '../evidence/event.ts';
import { parseDurationMs } from '../model/duration.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

export interface FilterOptions {
  readonly kind: readonly EventKind[];
  readonly tenant?: string;
  readonly identity?: string;
  readonly from?: string;
  readonly to?: string;
  readonly path?: string;
  readonly verdict?: 'allow' | 'deny' | 'unavailable';
}

export interface SpanOptions {
  readonly since?: string;
  readonly until?: string;
}

/** The part of a question that says which events. */
export type Filter = Omit<Requests['events'], 'limit' | 'after' | 'waitMs'>;

export function withFilters(command: Command): Command {
  return command
    .option('--kind <kind>', `kind of event, repeatable: ${eventKinds.join(', ')}`, collectKind, [])
    .option('--tenant <tenant>', 'events of one tenant')
    .option('--identity <identity>', 'SPIFFE ID, `namespace/serviceAccount` or workload, at either end')
    .option('--from <identity>', 'the same, of the caller')
    .option('--to <identity>', 'the same, of the destination')
    .option('--path <path>', 'path, or a prefix that ends in `*`')
    .addOption(new Option('--verdict <verdict>', 'of a decision').choices(['allow', 'deny', 'unavailable']));
}

export function withSpan(command: Command): Command {
  return command
    .option('--since <moment>', 'as `2026-11-22T04:00:00Z`, or so long ago: `15m`, `24h`')
    .option('--until <moment>', 'the same');
}

/** @throws CliFailure */
export function filterOf(options: Partial<FilterOptions> & SpanOptions, nowMs: number): Filter {
  const { kind = [], since, until, tenant, identity, from, to, path, verdict } = options;
  return {
    ...(kind.length === 0 ? {} : { kinds: [...kind] }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(identity === undefined ? {} : { identity }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(path === undefined ? {} : { path }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(since === undefined ? {} : { sinceMs: momentOf(since, nowMs) }),
    ...(until === undefined ? {} : { untilMs: momentOf(until, nowMs) }),
  };
}

export function collectKind(word: string, before: readonly EventKind[]): readonly EventKind[] {
  const kind = eventKinds.find((each) => each === word);
  if (kind === undefined)
    throw new InvalidArgumentError(`there is no such kind; write one of ${eventKinds.join(', ')}`);
  return [...before, kind];
}

function momentOf(text: string, nowMs: number): number {
  const agoMs = parseDurationMs(text);
  const ms = agoMs === undefined ? Date.parse(text) : nowMs - agoMs;
  if (Number.isFinite(ms)) return Math.max(0, Math.trunc(ms));
  throw new CliFailure(exitCode.misuse, `\`${text}\` is no moment`, 'write `15m`, `24h` or `2026-11-22T04:00:00Z`');
}
