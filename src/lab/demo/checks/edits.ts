/** Editing the mesh while it runs: a good edit is felt at once, a broken one is told and changes nothing for the worse. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAsking } from '../asking.ts';
import { judge, type Outcome, type Theme } from '../check.ts';
import { inPod } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';
import { apply, applyLine, noDrafts, withdraw, withdrawLine } from '../edit.ts';
import type { ControlLine } from '../json-lines.ts';
import { until } from '../until.ts';

const caller = 'atelier/web-1';
const drafts = 'http://api/drafts/1';
const readDraft = inPod(caller, 'curl', '-si', drafts);
const readDocument = inPod(caller, 'curl', '-si', 'http://api/documents/1');
const readAdmin = inPod(caller, 'curl', '-si', 'http://api/admin');
const readNotaire = inPod('notaire/web-1', 'curl', '-si', 'http://api/documents/1');

/** What is promised of an edit, in ms. */
const boundMs = 1_000;
/** How much longer a check waits, in ms. */
const patienceMs = 10_000;
/** How long requests are watched after a broken edit was told, in ms. */
const afterMs = 500;

export const edits: Theme = {
  title: 'Editing a live mesh',
  checks: [
    {
      id: 'edit-felt',
      what: 'a rule is added: nobody reads /drafts/*',
      want: `200 becomes 403 within ${boundMs} ms, on the open connection`,
      command: (place) => [applyLine(noDrafts, place), readDraft, withdrawLine(noDrafts, place)],
      run: async (context) => {
        const asking = await startAsking(context.mesh.lab, caller, drafts);
        try {
          const before = await asking.until('a 200', patienceMs, ({ outcome }) => outcome === 200);
          const appliedMs = apply(context, noDrafts);
          const refused = await asking.until('a 403', patienceMs, ({ outcome }) => outcome === 403);
          const goneMs = withdraw(context, noDrafts);
          const again = await asking.until(
            'a 200 again',
            patienceMs,
            ({ atMs, outcome }) => atMs >= goneMs && outcome === 200,
          );
          const ports = new Set(asking.answers().map(({ port }) => port));
          const tookMs = refused.atMs - appliedMs;
          return judge(
            `403 after ${tookMs} ms; rule removed, 200 again after ${again.atMs - goneMs} ms; one connection`,
            {
              [`it took at most ${boundMs} ms`]: tookMs <= boundMs,
              'one connection carried it all': ports.size === 1 && ports.has(before.port),
            },
          );
        } finally {
          withdraw(context, noDrafts);
          await asking.stop();
        }
      },
    },
    {
      id: 'edit-broken',
      what: "a file of atelier's services is broken by an edit",
      want: 'every request still 200; the control plane names the line and a cure',
      command: ({ mesh }) => [
        `echo 'spec: {' >> ${mesh}/atelier/workloads.yaml`,
        readDocument,
        `sed -i '$d' ${mesh}/atelier/workloads.yaml`,
      ],
      run: (context) =>
        whileBroken(
          context,
          'atelier/workloads.yaml',
          (text) => `${text}spec: {\n`,
          async (problem) => {
            const asking = await startAsking(context.mesh.lab, caller, 'http://api/documents/1');
            await sleep(afterMs);
            await asking.stop();
            const answers = asking.answers();
            const good = answers.filter(({ outcome }) => outcome === 200).length;
            return judge(`${good} of ${answers.length} were 200; ${problem.problem}`, {
              'every request was 200': good === answers.length && good > 1,
              'the problem names file and line': /^atelier\/workloads\.yaml:\d+: /.test(problem.problem ?? ''),
            });
          },
        ),
    },
    {
      id: 'edit-broken-rule',
      what: 'the rule that denies /admin is broken by a slip of the pen',
      want: '/admin stays shut; what the rule does not select goes on',
      command: ({ mesh }) => [
        `sed -i 's/deny:/denny:/' ${mesh}/atelier/no-admin.yaml`,
        readAdmin,
        readNotaire,
        `sed -i 's/denny:/deny:/' ${mesh}/atelier/no-admin.yaml`,
      ],
      run: (context) =>
        whileBroken(
          context,
          'atelier/no-admin.yaml',
          (text) => text.replace('deny:', 'denny:'),
          async (problem) => {
            const admin = parseCurl((await context.exec(readAdmin)).stdout).status;
            const notaire = parseCurl((await context.exec(readNotaire)).stdout).status;
            return judge(`/admin ${admin}, notaire's own api ${notaire}; ${problem.problem}`, {
              '/admin is 403': admin === 403,
              'notaire is 200': notaire === 200,
              'the problem names file and line': /^atelier\/no-admin\.yaml:\d+: /.test(problem.problem ?? ''),
              'and a cure': problem.problem?.includes('did you mean `deny`') === true,
            });
          },
        ),
    },
  ],
};

/**
 * Breaks a file, waits until the control plane has told of it, looks, mends it, and waits until that is told too, and
 * felt: a sidecar hears of it a moment after the log, and the next row must not meet a door that is still shut.
 */
async function whileBroken(
  context: DemoContext,
  file: string,
  breakIt: (text: string) => string,
  look: (problem: ControlLine) => Promise<Outcome>,
): Promise<Outcome> {
  const { mesh } = context;
  const good = readFileSync(join(mesh.folder, file), 'utf8');
  const before = context.controlLog().length;
  const told = (msg: string) =>
    until(`\`${msg}\` about \`${file}\``, patienceMs, () =>
      context
        .controlLog()
        .slice(before)
        .find((line) => line.msg === msg && line.problem?.startsWith(`${file}:`)),
    );
  mesh.write(file, breakIt(good));
  try {
    return await look(await told('problem'));
  } finally {
    mesh.write(file, good);
    await told('problem solved');
    await untilServed(context);
  }
}

async function untilServed(context: DemoContext): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (parseCurl((await context.exec(readDocument)).stdout).status !== 200) {
    if (performance.now() > deadline) throw new Error(`what was mended was not felt within ${patienceMs} ms`);
  }
}
