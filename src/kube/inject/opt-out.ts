/**
 * A pod that asks for no sidecar.
 *
 *   coffre.dev/inject: disabled ──and its service account is among `unproxied`──▶ let through, as nobody
 *                               ──otherwise──▶ refused
 *
 * An annotation is written by whoever may create pods, and a pod is created by a controller of the cluster in nobody's
 * name: neither can carry a right. So the right is the installation's own setting. A pod without a sidecar has no identity:
 * it may call nobody and is called by nobody in the mesh. Nor is it without walls; see `dangers-to-node.ts`.
 */
import { quote } from '../../model/quote.ts';
import { injectAnnotation } from './names.ts';
import type { Pod } from './pod.ts';
import type { PodFinding } from './problem-of.ts';
import type { InjectSettings } from './settings.ts';

export type OptOut =
  | { readonly kind: 'none' }
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly finding: PodFinding };

export function optOutOf(
  { metadata, spec }: Pod,
  namespace: string,
  { unproxied }: Pick<InjectSettings, 'unproxied'>,
): OptOut {
  const wish = metadata?.annotations?.[injectAnnotation];
  const path = `metadata.annotations.${injectAnnotation}`;
  if (wish === undefined || wish === 'enabled') return { kind: 'none' };
  if (wish !== 'disabled') {
    const message = `${quote(wish)} is no answer to whether there is a sidecar`;
    return { kind: 'refused', finding: { code: 'bad-value', path, message, advice: 'write `disabled`, or remove it' } };
  }
  const account = `${namespace}/${spec.serviceAccountName ?? 'default'}`;
  if (unproxied.has(account)) return { kind: 'allowed' };
  const message = `pods of ${quote(account)} may not be without a sidecar, whatever they say of themselves`;
  const advice = `remove it, or ask those who run the mesh to name ${quote(account)} among \`unproxied\``;
  return { kind: 'refused', finding: { code: 'sidecar-required', path, message, advice } };
}
