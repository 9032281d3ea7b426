/**
 * Whether the API server gets through to the webhooks: asked by rehearsing a write that they judge.
 *
 * A wall that nobody answers at would stop every pod of the cluster. So where a first installation is not heard, its webhooks are taken
 * away again; those that stood before stay, because without them pods would begin outside the mesh.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { coffreGroup, kinds } from '../../model/kinds/catalogue.ts';
import { resourceFacts } from '../crds/resource-facts.ts';
import type { KubeObject } from '../objects.ts';
import type { Obstacle } from './preflight.ts';
import { remove } from './remove.ts';
import { lookMs, type Wait } from './until-ready.ts';

/** An API server learns of a webhook a second late, and it may be busy. In ms. */
const heardMaxMs = 30_000;
const tenants = { group: coffreGroup, version: kinds.Tenant.version, plural: resourceFacts.Tenant.plural };
/** Nobody’s: whatever is said of it, somebody said it. */
const rehearsed = {
  apiVersion: `${coffreGroup}/${kinds.Tenant.version}`,
  kind: 'Tenant',
  metadata: { name: 'coffre-asks-whether-it-is-heard' },
  spec: { environment: 'test' },
};

/** @param standing what was there before. @returns why it does not. */
export async function untilHeard(
  askers: readonly KubeObject[],
  standing: ReadonlyMap<KubeObject, KubeObject>,
  { objects, endMs, signal }: Wait,
): Promise<Obstacle | undefined> {
  const untilMs = Math.min(endMs, Date.now() + heardMaxMs);
  for (;;) {
    const outcome = await objects.rehearse(tenants, rehearsed);
    if (outcome.kind !== 'unanswered') return undefined;
    if (signal.aborted || Date.now() > untilMs)
      return unheard(askers, standing, { objects, endMs, signal }, outcome.message);
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

async function unheard(
  askers: readonly KubeObject[],
  standing: ReadonlyMap<KubeObject, KubeObject>,
  { objects }: Wait,
  said: string,
): Promise<Obstacle> {
  const isFirst = askers.every((asker) => !standing.has(asker));
  if (isFirst) await remove(askers, objects);
  const fate = isFirst
    ? 'they were taken away again, so that no pod waits for them'
    : 'what they judge is refused until then';
  const advice =
    'let the API servers present a client certificate, or say in `webhooks.clients` how they are known (docs/kubernetes/webhooks.md), and install again';
  return { where: 'the webhooks', message: `the API server gets no answer from them: ${said}; ${fate}`, advice };
}
