/** The control plane dies, and nobody who is being served notices; it comes back, and has nothing to send. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startAsking } from '../asking.ts';
import { judge, type Theme } from '../check.ts';
import { inPod, killByFile } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';
import type { ControlLine } from '../json-lines.ts';
import { until } from '../until.ts';

const caller = 'atelier/web-1';
const read = inPod(caller, 'curl', '-si', 'http://api/documents/1');

/** How long traffic is watched without a control plane, in ms. */
const goneMs = 1_000;
/** Longest wait for every sidecar to come back, in ms. Envoy's retries stretch from half a second, with jitter. */
const reconnectMs = 60_000;
/** Longest wait for a push to every sidecar, in ms. */
const pushMs = 10_000;

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
        await context.mesh.killControlPlane();
        const clients = [...clientsIn(context.controlLog())];
        await context.mesh.startControlPlane();
        const startedMs = performance.now();
        await until('the return of every client', reconnectMs, () => {
          const back = clientsIn(context.controlLog());
          return clients.every((key) => back.has(key)) || undefined;
        });
        const tookMs = Math.round(performance.now() - startedMs);
        const { again, edit } = await pushesBeforeAndAfterAnEdit(context, clients);
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

/**
 * An edit that concerns every client is the proof that the log shows pushes, and that each stream has been served: what
 * came before it is the answer to the reconnect. Of that, what went to sidecars counts: an authorization worker asks for
 * its own identity whole on every stream, to learn that it was admitted.
 */
async function pushesBeforeAndAfterAnEdit(context: DemoContext, clients: readonly string[]) {
  const tenants = ['atelier', 'notaire'];
  const before = context.controlLog().length;
  for (const tenant of tenants) context.mesh.write(`${tenant}/nowhere.yaml`, denyNowhere(tenant));
  try {
    await until('a push to every client', pushMs, () => {
      const told = new Set(pushes(context.controlLog().slice(before)).map(({ key }) => key));
      return clients.every((key) => told.has(key)) || undefined;
    });
  } finally {
    for (const tenant of tenants) context.mesh.remove(`${tenant}/nowhere.yaml`);
  }
  const log = context.controlLog();
  const toSidecars = log.slice(0, before).filter(({ key }) => context.mesh.pods().some((pod) => pod.key === key));
  return { again: sentIn(toSidecars), edit: sentIn(log.slice(before)) };
}

/** Keys of all who opened a stream. */
function clientsIn(lines: readonly ControlLine[]): ReadonlySet<string> {
  return new Set(lines.flatMap(({ msg, key }) => (msg === 'stream-opened' && key !== undefined ? [key] : [])));
}

function pushes(lines: readonly ControlLine[]): readonly ControlLine[] {
  return lines.filter(({ msg }) => msg === 'pushed');
}

/** One entry a push that carried resources, such as `Listener to atelier/web-1`. */
function sentIn(lines: readonly ControlLine[]): readonly string[] {
  const carried = pushes(lines).filter(({ resources = 0 }) => resources > 0);
  return carried.map(({ typeUrl, key }) => `${typeUrl?.split('.').at(-1)} to ${key}`);
}

function denyNowhere(tenant: string): string {
  return [
    'apiVersion: coffre.dev/v1alpha1',
    'kind: AccessPolicy',
    `metadata: { name: nowhere, namespace: ${tenant} }`,
    'spec: { deny: [{ to: { paths: ["/nowhere"] } }] }',
    '',
  ].join('\n');
}
