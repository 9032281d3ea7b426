/**
 * `npm run demo`: the first minute with Coffre.
 *
 *   MeshLab.start(deploy/demo) ──▶ rows, one by one ──▶ table            --once: ends here; otherwise stays until Ctrl-C
 *                                                  └──▶ --json: one document on stdout, nothing else
 *
 * Whatever ends it, the lab goes with it: see src/lab/lab.ts.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { labKind } from '../lab-kind.ts';
import { MeshLab } from '../mesh-lab.ts';
import { api } from './addresses.ts';
import type { CheckResult } from './check.ts';
import { allThemes } from './checks/all-themes.ts';
import { shellLine } from './command.ts';
import { DemoContext, type Surroundings } from './demo-context.ts';
import { startIdentityProviders } from './identity-providers.ts';
import { startOutsideWorld } from './outside-world.ts';
import { noColours, paletteFor } from './palette.ts';
import { exitCodeOf, reportOf } from './report-json.ts';
import { outcomeOf, type Progress, runChecks, sameForAll } from './run-checks.ts';
import { renderInvitation, stayUp } from './stay-up.ts';
import { renderHead, renderPending, renderRow, renderSummary, renderTheme, type TableStyle } from './table.ts';

const usage = `usage: npm run demo -- [--once] [--json]

  --once   end after the rows
  --json   print one JSON document instead of the table, and end
`;

/** Where nothing says how wide the terminal is. */
const defaultColumns = 110;
/** What a shell answers for a program that Ctrl-C ended. */
const interruptedCode = 130;
/** What a shell answers for wrong usage. */
const usageCode = 2;

const folder = fileURLToPath(new URL('../../../deploy/demo', import.meta.url));
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());

const flags = readFlags();
if (flags !== undefined) process.exitCode = await main(flags);

interface Flags {
  readonly once: boolean;
  readonly json: boolean;
}

function readFlags(): Flags | undefined {
  const boolean = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({ options: { once: boolean, json: boolean, help: boolean } });
    if (!values.help) return values;
    process.stdout.write(usage);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exitCode = usageCode;
  }
  return undefined;
}

async function main({ once, json }: Flags): Promise<number> {
  const say = (text: string) => {
    if (!json) process.stdout.write(text);
  };
  const style = styleOf(process.stdout);
  const beganMs = performance.now();
  say(renderHead(style));
  let mesh: MeshLab | undefined;
  let around: Surroundings = { outside: undefined, providers: undefined };
  try {
    const started = await start();
    const results = started instanceof MeshLab ? await show(started) : started;
    mesh = started instanceof MeshLab ? started : undefined;
    if (json) process.stdout.write(`${JSON.stringify(reportOf(results), null, 2)}\n`);
    say(renderSummary(results, performance.now() - beganMs, style));
    if (mesh !== undefined && !once && !json) await invite(mesh);
    return stop.signal.aborted ? interruptedCode : exitCodeOf(results);
  } catch (error) {
    if (stop.signal.aborted) return interruptedCode;
    throw error;
  } finally {
    await mesh?.stop();
  }

  async function start(): Promise<MeshLab | readonly CheckResult[]> {
    const { kind: mode, why } = labKind(process.env);
    if (why !== '') say(`\n${style.palette.warn(`on loopback, without interception: ${why}`)}\n`);
    try {
      return await MeshLab.start({
        ...{ folder, mode, signal: stop.signal },
        log: (line) => console.error(line),
        listen: ({ ports }) => ports.map(({ name, port }) => `${name === 'tcp' ? 'tcp' : 'http'}:${port}`),
        prepare: async (lab, meshFolder) => {
          const [outside, providers] = await Promise.all([
            startOutsideWorld(lab, meshFolder),
            startIdentityProviders(lab, meshFolder),
          ]);
          around = { outside, providers };
        },
        env: () => (around.providers === undefined ? {} : { NODE_EXTRA_CA_CERTS: around.providers.caPath }),
      });
    } catch (error) {
      stop.signal.throwIfAborted();
      const outcome = outcomeOf(error);
      say(`\n${style.palette.bad(`the mesh did not start: ${outcome.got}`)}\n`);
      return sameForAll(allThemes, { kind: 'fail', got: `the mesh did not start: ${outcome.got}` });
    }
  }

  async function show(running: MeshLab): Promise<readonly CheckResult[]> {
    const sidecars = running.pods().filter(({ envoy }) => envoy !== undefined).length;
    const upMs = Math.round(performance.now() - beganMs);
    say(
      style.palette.dim(`\ncontrol plane, ${running.pods().length} pods and ${sidecars} sidecars up in ${upMs} ms\n`),
    );
    const context = new DemoContext(running, around);
    return runChecks(allThemes, context, progress(context), stop.signal);
  }

  function progress(context: DemoContext): Progress {
    const isTerminal = process.stdout.isTTY;
    return {
      theme: (title) => say(renderTheme(title, style)),
      began: ({ what }) => {
        if (isTerminal) say(renderPending(what, style));
      },
      ended: (result) => {
        if (isTerminal) say('\r\x1b[2K');
        const { place } = context;
        const lines = result.check
          .command(place)
          .map((line) => (typeof line === 'string' ? line : shellLine(line, place.lab)));
        say(renderRow(result, lines, style));
      },
    };
  }

  async function invite(running: MeshLab): Promise<void> {
    const { place } = new DemoContext(running, around);
    const { process: sidecar, adminSocket } = running.sidecar(api.key);
    const byHand = { sidecarLog: sidecar.stdoutPath, adminSocket };
    say(renderInvitation(place, byHand, style.palette));
    await stayUp(running, say, style.palette, stop.signal);
    say('\n');
  }
}

function styleOf(output: NodeJS.WriteStream): TableStyle {
  if (!output.isTTY) return { width: defaultColumns, palette: noColours };
  // A terminal whose size nobody has told says 0.
  return { width: output.columns || defaultColumns, palette: paletteFor(true, process.env) };
}
