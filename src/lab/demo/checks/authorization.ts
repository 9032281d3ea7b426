/** Every request is judged by a worker as well: without a judge nobody passes, and with it back all do who may. */
import { api } from '../addresses.ts';
import { judge, type Theme } from '../check.ts';
import { inPod, killByFile } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';

const read = inPod('atelier/web-1', 'curl', '-si', 'http://api/documents/1');

/** Longest wait until sidecars have found the worker again, in ms. */
const backMs = 10_000;

export const authorization: Theme = {
  title: 'Without authorization',
  checks: [
    {
      id: 'authorization-gone',
      what: 'the authorization worker is killed, with -9',
      want: '503, nothing at the application; started again, 200',
      command: ({ pidFiles }) => [killByFile(pidFiles.authz), read],
      run: async (context) => {
        await context.mesh.killAuthzWorker();
        const without = await context.reached(context.watched(api.key), () => statusNow(context));
        await context.mesh.startAuthzWorker();
        const beganMs = performance.now();
        const after = await statusOnceBack(context);
        const tookMs = Math.round(performance.now() - beganMs);
        const saw = without.sightings.length || 'nothing';
        return judge(`${without.result}, application saw ${saw}; worker back, ${after} within ${tookMs} ms`, {
          'without it 503': without.result === 503,
          'the application saw nothing': without.sightings.length === 0,
          'with it 200': after === 200,
        });
      },
    },
  ],
};

async function statusNow(context: DemoContext): Promise<number> {
  return parseCurl((await context.exec(read)).stdout).status;
}

/** Sidecars dial the worker again by themselves. @returns the last status seen. */
async function statusOnceBack(context: DemoContext): Promise<number> {
  const deadline = performance.now() + backMs;
  for (;;) {
    const status = await statusNow(context);
    if (status === 200 || performance.now() > deadline) return status;
  }
}
