/** The destination's consent: written as a file, in force at once, narrow, and gone when the file is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { api, identities } from '../addresses.ts';
import { startAsking } from '../asking.ts';
import { judge, type Theme } from '../check.ts';
import { coffreLine } from '../coffre-command.ts';
import { inPod } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';
import { apply, applyLine, grantDocuments, withdraw, withdrawLine } from '../edit.ts';
import { explanationOf } from '../explanation.ts';
import { grantedUrl } from '../last-orders.ts';

const caller = 'notaire/web-1';
const read = inPod(caller, 'curl', '-si', '-m', '5', grantedUrl);
const readElse = inPod(caller, 'curl', '-si', '-m', '5', 'http://api.atelier/ledger');
const writeElse = inPod(caller, 'curl', '-si', '-m', '5', '-X', 'POST', 'http://api.atelier/ledger');
const write = inPod(caller, 'curl', '-si', '-m', '5', '-X', 'POST', grantedUrl);

/** What is promised of a grant and of its end, in ms. */
const boundMs = 1_000;
/** How much longer a check waits, so as to tell how late it was, in ms. */
const patienceMs = 10_000;
/** How long the withdrawn caller goes on trying, in ms. */
const afterMs = 500;

export const grant: Theme = {
  title: 'A grant',
  checks: [
    {
      id: 'grant-opens',
      what: "atelier grants /documents/* to notaire's web",
      want: `200 within ${boundMs} ms of the file's writing`,
      command: (place) => [applyLine(grantDocuments, place), read],
      run: async (context) => {
        const app = context.watched(api.key).app;
        const before = app.sightings().length;
        const asking = await startAsking(context.mesh.lab, caller, grantedUrl);
        try {
          const closedBefore = asking.answers().every(({ outcome }) => outcome !== 200);
          const appliedMs = apply(context, grantDocuments);
          const first = await asking.until('the first 200', patienceMs, ({ outcome }) => outcome === 200);
          const tookMs = first.atMs - appliedMs;
          const callers = app.requests().map(({ headers }) => headers['x-forwarded-client-cert'] ?? '');
          const named = callers.at(-1)?.endsWith(`URI=${identities.notaireWeb}`) === true;
          return judge(`200 after ${tookMs} ms, api saw notaire's web`, {
            'it was closed before': closedBefore,
            [`it took at most ${boundMs} ms`]: tookMs <= boundMs,
            "api saw notaire's web": named && app.sightings().length > before,
          });
        } finally {
          await asking.stop();
        }
      },
    },
    {
      id: 'grant-narrow',
      what: 'another path, and another method',
      want: '403 for both, nothing at the application',
      command: () => [readElse, write],
      run: async (context) => {
        await open(context);
        const { result, sightings } = await context.reached(context.watched(api.key), async () => [
          parseCurl((await context.exec(readElse)).stdout).status,
          parseCurl((await context.exec(write)).stdout).status,
        ]);
        return judge(`${result.join(' and ')}, application saw ${sightings.length || 'nothing'}`, {
          'both are 403': result.every((status) => status === 403),
          'the application saw nothing': sightings.length === 0,
        });
      },
    },
    {
      id: 'grant-explained',
      what: 'that other path: its refusal is asked about by its id, and the YAML of the answer is written down',
      want: '200 for that path and method, and still 403 for another method',
      command: ({ state, mesh }) => [
        readElse,
        coffreLine(['explain', 'ID', '--state', state]),
        `$EDITOR ${mesh}/atelier/${mendedFile}`,
        readElse,
      ],
      run: async (context) => {
        await open(context);
        const refusal = parseCurl((await context.exec(readElse)).stdout);
        const decision = refusal.header('x-coffre-decision') ?? '';
        const { sentence, cure } = await explanationOf(context, decision, 'write');
        context.mesh.write(`atelier/${mendedFile}`, cure.yaml);
        const asking = await startAsking(context.mesh.lab, caller, 'http://api.atelier/ledger');
        try {
          const mended = await asking.until('a 200 by the YAML', patienceMs, ({ outcome }) => outcome === 200);
          const watched = context.watched(api.key);
          const posts = () => watched.app.requests().filter(({ method }) => method === 'POST').length;
          const before = posts();
          const { result } = await context.reached(
            watched,
            async () => parseCurl((await context.exec(writeElse)).stdout).status,
          );
          return judge(`${refusal.status}: ${sentence}; then ${mended.outcome} for GET, ${result} for POST`, {
            'it was refused': refusal.status === 403,
            'the answer names the grant': sentence.includes('grant/atelier/notaire-reads-documents'),
            'the YAML let it through': mended.outcome === 200,
            'another method is still refused': result === 403 && posts() === before,
          });
        } finally {
          await asking.stop();
          context.mesh.remove(`atelier/${mendedFile}`);
        }
      },
    },
    {
      id: 'grant-withdrawn',
      what: 'the file is removed while web keeps its connection',
      want: `refused within ${boundMs} ms, and nothing reaches api after`,
      command: (place) => [withdrawLine(grantDocuments, place), read],
      run: async (context) => {
        await open(context);
        const asking = await startAsking(context.mesh.lab, caller, grantedUrl);
        try {
          const last = await asking.until('a 200', patienceMs, ({ outcome }) => outcome === 200);
          const goneMs = withdraw(context, grantDocuments);
          const refused = await asking.until(
            'a refusal',
            patienceMs,
            ({ atMs, outcome }) => atMs >= goneMs && outcome !== 200,
          );
          const { sightings } = await context.reached(context.watched(api.key), () => sleep(afterMs));
          const later = asking.answers().filter(({ atMs }) => atMs > refused.atMs);
          const tookMs = refused.atMs - goneMs;
          const end = later.at(-1)?.outcome;
          const answered = asking.answers().filter(({ outcome }) => outcome === 200);
          const ports = new Set(answered.map(({ port }) => port));
          return judge(`${refused.outcome} after ${tookMs} ms, then ${later.length} more tries, the last: ${end}`, {
            [`it took at most ${boundMs} ms`]: tookMs <= boundMs,
            'until then it was one connection': ports.size === 1 && ports.has(last.port),
            'no try succeeded after': later.length > 0 && later.every(({ outcome }) => outcome !== 200),
            'nothing reached api after': sightings.length === 0,
          });
        } finally {
          await asking.stop();
        }
      },
    },
  ],
};

/** What the owner writes who was shown an explanation. */
const mendedFile = 'mended.yaml';

/** The grant is in force, whether the row before ran or not. */
async function open(context: DemoContext): Promise<void> {
  apply(context, grantDocuments);
  const asking = await startAsking(context.mesh.lab, caller, grantedUrl);
  try {
    await asking.until('a 200 under the grant', patienceMs, ({ outcome }) => outcome === 200);
  } finally {
    await asking.stop();
  }
}
