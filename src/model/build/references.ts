/**
 * Which services routes of another namespace may name: what `ReferenceGrant`s say, as far as it is read.
 *
 *   ReferenceGrant in annex, from HTTPRoute of shop, to Service api ──▶ `shop annex/api`      without a name: `shop annex/*`
 *
 * Naming is not calling: whether a caller reaches what a route names is `Grant`'s alone, and neither opens anything alone.
 */
import type { Inventory } from './inventory.ts';

/** Each of one namespace that may refer and one service, or all of another namespace, that it may refer to. */
export type References = ReadonlySet<string>;

/** @returns of one namespace. */
export function referencesIn(inventory: Inventory): readonly string[] {
  return inventory.of('ReferenceGrant').flatMap(({ ref, object }) => {
    const { from, to } = object.spec;
    const routes = from.filter(({ group, kind }) => group === 'gateway.networking.k8s.io' && kind === 'HTTPRoute');
    const services = to.filter(({ group, kind }) => group === '' && kind === 'Service');
    return routes.flatMap(({ namespace }) =>
      services.map(({ name = every }) => reference(namespace, ref.namespace, name)),
    );
  });
}

export function mayName(references: References, from: string, namespace: string, name: string): boolean {
  return references.has(reference(from, namespace, name)) || references.has(reference(from, namespace, every));
}

/** No name of an object. */
const every = '*';

function reference(from: string, namespace: string, name: string): string {
  return `${from} ${namespace}/${name}`;
}
