/**
 * A control plane comes back to sidecars and workers that never stopped. What it sends them is read from its own log.
 *
 *   start ──▶ every client opens its stream again ──▶ an edit that concerns all ──▶ what came before it was the return
 */
import type { DemoContext } from './demo-context.ts';
import type { ControlLine } from './json-lines.ts';
import { until } from './until.ts';

/** Longest wait for every sidecar to come back, in ms. Envoy's retries stretch from half a second, with jitter. */
const reconnectMs = 60_000;
/** Longest wait for a push to every sidecar, in ms. */
const pushMs = 10_000;

export interface Return {
  /** Keys of those who were there before. */
  readonly clients: readonly string[];
  /** From the server's start to the last one's stream, in ms. */
  readonly tookMs: number;
  /** One entry a push that a sidecar was sent for its return, such as `Listener to atelier/web-1`. */
  readonly again: readonly string[];
  /** The same of the edit that followed, which is the proof that the log shows pushes. */
  readonly edit: readonly string[];
}

/** @param start takes the server down if it is not, and starts it. */
export async function returningClients(context: DemoContext, start: () => Promise<void>): Promise<Return> {
  const clients = [...clientsIn(context.controlLog())];
  await start();
  const startedMs = performance.now();
  await until('the return of every client', reconnectMs, () => {
    const back = clientsIn(context.controlLog());
    return clients.every((key) => back.has(key)) || undefined;
  });
  const tookMs = Math.round(performance.now() - startedMs);
  return { clients, tookMs, ...(await pushesBeforeAndAfterAnEdit(context, clients)) };
}

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
