/** The control plane dies, and nobody who is being served notices; it comes back, and has nothing to send. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startAsking } from '../asking.ts';
import { judge, type Theme } from '../check.ts';
import { inPod, killByFile } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';
import { returningClients } from '../returning-clients.ts';

const caller = 'atelier/web-1';
const read = inPod(caller, 'curl', '-si', 'http://api/documents/1');

/** How long traffic is watched without a control plane, in ms. */
const goneMs = 1_000;
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
  ],
};
