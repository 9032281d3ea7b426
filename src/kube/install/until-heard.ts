/**
 * Whether the API server gets through to the webhooks: asked by rehearsing a write that they, and nobody else, refuse.
 *
 *   refused ──▶ heard        taken ──▶ the API server does not ask them yet        no answer ──▶ it cannot reach them
 *
 * A wall that nobody answers at would stop every pod of the cluster. So where a first installation is not heard, its webhooks are taken
 * away again; those that stood before stay, because without them pods would begin outside the mesh.
 */
import { coffreGroup, kinds } from '../../model/kinds/catalogue.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import { askUntil } from '../ask-until.ts';
import { resourceFacts } from '../crds/resource-facts.ts';
import type { KubeObject } from '../objects.ts';
import type { Obstacle } from './preflight.ts';
import { remove } from './remove.ts';
import { patience, type Wait } from './until-ready.ts';

/** An API server learns of a webhook a second late, and it may be busy. In ms. */
const heardMaxMs = 30_000;
const tenants = { group: coffreGroup, version: kinds.Tenant.version, plural: resourceFacts.Tenant.plural };
/** The definitions allow it; among all objects it cannot be: our own namespace is no tenant's. */
const rehearsed = {
  apiVersion: `${coffreGroup}/${kinds.Tenant.version}`,
  kind: 'Tenant',
  metadata: { name: systemNamespace },
  spec: { environment: 'test' },
};

/** @param standing what was there before. @returns why it does not. */
export async function untilHeard(
  askers: readonly KubeObject[],
  standing: ReadonlyMap<KubeObject, KubeObject>,
  { objects, signal }: Wait,
): Promise<Obstacle | undefined> {
  const outcome = await askUntil(() => objects.rehearse(tenants, rehearsed), {
    isFinal: ({ kind }) => kind === 'refused',
    signal: AbortSignal.any([signal, AbortSignal.timeout(heardMaxMs)]),
    waits: patience,
  });
  if (outcome.kind === 'refused') return undefined;
  const said = outcome.kind === 'unanswered' ? outcome.message : 'it does not ask them yet';
  return unheard(askers, standing, { objects, signal }, said);
}

async function unheard(
  askers: readonly KubeObject[],
  standing: ReadonlyMap<KubeObject, KubeObject>,
  { objects, signal }: Wait,
  said: string,
): Promise<Obstacle> {
  const isFirst = askers.every((asker) => !standing.has(asker));
  const [left] = isFirst ? (await remove(askers, objects, signal)).obstacles : [];
  const taken =
    left === undefined
      ? 'they were taken away again, so that no pod waits for them'
      : `\`${left.where}\` could not be taken away again (${left.message}), so what it judges is refused: delete it`;
  const fate = isFirst ? taken : 'what they judge is refused until then';
  const advice =
    'let the API servers present a client certificate, or say in `webhooks.clients` how they are known (docs/kubernetes/webhooks.md), and install again';
  return { where: 'the webhooks', message: `the API server gets no answer from them: ${said}; ${fate}`, advice };
}
