/**
 * Follows one drill until it is over: the screen is drawn anew for a person, and a script gets lines.
 *
 *   ask ──▶ record ──▶ screen | line, where something changed | JSON line
 *    ▲──────── a moment later, until it is over, Ctrl-C, or silence
 *
 * The control plane may go in the middle of a drill, and that is no reason to look away: it is asked again, and the
 * watcher is told what holds meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DrillRecord } from '../chaos/drill-engine.ts';
import { answered, type DoorOptions, tryDoor } from './door-options.ts';
import { isOver, watchLine, watchText } from './drill-text.ts';
import type { OutputFormat, Terminal } from './terminal.ts';

/** Between two looks, in ms. */
const lookMs = 500;
/** Longest time between two lines for a script in which nothing changes but values, in ms. */
const lineMs = 5_000;
/** Longest silence of a control plane that has answered before, in ms: a restart, and room. */
const silenceMs = 60_000;

/** @returns the record as the drill ended, or undefined where the person went first. @throws CliFailure */
export async function watchDrill(
  terminal: Terminal,
  options: DoorOptions & { readonly output: OutputFormat },
  drill: string,
): Promise<DrillRecord | undefined> {
  const show = painter(terminal, options.output);
  let heardMs: number | undefined;
  let isSilent = false;
  while (!terminal.signal.aborted) {
    const asked = await tryDoor(options, 'drill', { drill });
    const mayWait = heardMs !== undefined && terminal.nowMs() - heardMs < silenceMs;
    if (asked.kind === 'unreachable' && mayWait) {
      if (!isSilent) terminal.err(silenceText);
      isSilent = true;
    } else {
      const record = answered(options, asked);
      heardMs = terminal.nowMs();
      isSilent = false;
      show(record);
      if (isOver(record)) return record;
    }
    await sleep(lookMs, undefined, { signal: terminal.signal }).catch(() => undefined);
  }
  terminal.err(`the drill goes on without you; end it with \`coffre drill halt ${drill}\`\n`);
  return undefined;
}

const silenceText =
  'the control plane does not answer; whatever it laid leaves every proxy by itself within 10 s; still asking\n';

function painter(terminal: Terminal, output: OutputFormat): (record: DrillRecord) => void {
  const { person } = terminal;
  if (output === 'json') return (record) => terminal.out(`${JSON.stringify(record)}\n`);
  return person === undefined ? linePainter(terminal) : screenPainter(terminal, person.columns);
}

function screenPainter(terminal: Terminal, columns: () => number): (record: DrillRecord) => void {
  let drawn = 0;
  return (record) => {
    // A line that wraps is two, and the next drawing would begin too low.
    const lines = watchText(record, terminal.nowMs())
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(0, Math.max(1, columns() - 1)));
    terminal.out(`${drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
}

function linePainter(terminal: Terminal): (record: DrillRecord) => void {
  let [told, toldMs] = ['', 0];
  return (record) => {
    const { phase, proxies, probes, faultAtMs } = record;
    const now = JSON.stringify([phase, faultAtMs, proxies, probes.map(({ state }) => state)]);
    const nowMs = terminal.nowMs();
    if (now === told && nowMs - toldMs < lineMs) return;
    [told, toldMs] = [now, nowMs];
    terminal.out(`${new Date(nowMs).toISOString()} ${watchLine(record, nowMs)}`);
  };
}
