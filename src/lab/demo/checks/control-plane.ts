/** The control plane dies, and nobody who is being served notices; it comes back, and has nothing to send. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startAsking } from '../asking.ts';
import { judge, type Theme } from '../check.ts';
import { inPod, killByFile } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';
import { grantDocuments } from '../edit.ts';
import { grantedUrl, lastOrders, lifeMs } from '../last-orders.ts';
import { returningClients } from '../returning-clients.ts';

const caller = 'atelier/web-1';
const read = inPod(caller, 'curl', '-si', 'http://api/documents/1');

/** How long traffic is watched without a control plane, in ms. */
const goneMs = 1_000;
/** What is promised of its end, in ms. */
const endBoundMs = 1_000;

export const controlPlane: Theme = {
  title: 'Without the control plane',
  checks: [
    {
      id: 'control-plane-killed',
      what: 'the control plane is killed, with -9',
      want: 'every request goes on, also on new connections',
      command: ({ pidFiles }) => [killByFile(pidFiles.controlPlane), read],
      run: async (context) => {
        const asking = await startAsking(context.mesh.lab, caller, 'http://api/documents/1');
        try {
          await context.mesh.killControlPlane();
          const killedMs = Date.now();
          await sleep(goneMs);
          const fresh = parseCurl((await context.exec(read)).stdout).status;
          const answers = asking.answers();
          const after = answers.filter(({ atMs }) => atMs > killedMs);
          const good = after.filter(({ outcome }) => outcome === 200).length;
          return judge(`${good} of ${after.length} requests 200 after its death, ${fresh} on a new connection`, {
            'requests went on': after.length > 1,
            'every one was 200': answers.every(({ outcome }) => outcome === 200),
            'a new connection too': fresh === 200,
          });
        } finally {
          await asking.stop();
        }
      },
    },
    {
      id: 'control-plane-back',
      what: 'it starts again; sidecars and authorization come back',
      want: 'no sidecar is sent anything again; the next edit goes to all',
      command: () => [inPod(caller, 'curl', '-si', 'http://api/documents/1')],
      run: async (context) => {
        const { clients, tookMs, again, edit } = await returningClients(context, async () => {
          await context.mesh.killControlPlane();
          await context.mesh.startControlPlane();
        });
        return judge(
          `${clients.length} clients back after ${tookMs} ms, sent to sidecars: ${again.join(', ') || 'nothing'}; the next edit took ${edit.length} pushes`,
          {
            'the clients before it were known': clients.length > 0,
            'nothing was sent again to a sidecar': again.length === 0,
            'the log does show what an edit sends': edit.length >= clients.length,
          },
        );
      },
    },
    {
      id: 'grant-ends-alone',
      what: `a grant is written that ends in ${lifeMs / 1_000} s, while a drill runs; then the control plane is killed, with -9`,
      want: 'open until its end, and shut within a second of it, by the proxies and workers alone',
      command: (place) => [
        `(cat src/lab/demo/edits/${grantDocuments.file}; date -u -d +${lifeMs / 1_000}sec +'  notAfter: %FT%TZ') > ${place.mesh}/atelier/${grantDocuments.file}`,
        killByFile(place.pidFiles.controlPlane),
        inPod(lastOrders.guest, 'curl', '-si', '-m', '5', grantedUrl),
      ],
      run: async (context) => {
        const { guest, letIn, endMs, deadMs } = await context.lastOrders();
        const shut = await guest.until(
          'the end of the grant',
          2 * lifeMs,
          ({ atMs, outcome }) => atMs > letIn.atMs && outcome !== 200,
        );
        await sleep(goneMs);
        const answers = guest.answers();
        const alone = answers.filter(({ atMs, outcome }) => atMs > deadMs && atMs < shut.atMs && outcome === 200);
        const late = answers.filter(({ atMs, outcome }) => atMs > shut.atMs && outcome === 200);
        const overMs = shut.atMs - endMs;
        return judge(
          `${alone.length} requests 200 with nobody in control; ${shut.outcome} ${overMs} ms after its end`,
          {
            'the control plane died before the end': deadMs < endMs,
            'it was open until then': alone.length > 0 && overMs >= 0,
            'it was shut within a second': overMs <= endBoundMs,
            'it stayed shut': late.length === 0 && answers.some(({ atMs }) => atMs > shut.atMs),
          },
        );
      },
    },
  ],
};
