/** What a proxy has of its bootstrap, and of the files beside it: there without any push. */
import { adminCluster, controlPlaneCluster, evidenceCluster, rootFileSecret, tokenFileSecret } from '../envoy/names.ts';
import { regexLayer } from '../envoy/regex-limits.ts';
import { typeUrls } from '../xds/type-url.ts';
import { keyOf } from './held-resource.ts';

const own: ReadonlySet<string> = new Set([
  ...[controlPlaneCluster, evidenceCluster, adminCluster].map((name) =>
    keyOf({ typeUrl: typeUrls.cluster, name, state: 'static' }),
  ),
  keyOf({ typeUrl: typeUrls.runtime, name: regexLayer, state: 'active' }),
  ...[rootFileSecret, tokenFileSecret].map((name) => keyOf({ typeUrl: typeUrls.secret, name, state: 'active' })),
]);

/** @param key as `keyOf` writes it. Known by name alone: what a bootstrap really says, its file says. */
export function isOfBootstrap(key: string): boolean {
  return own.has(key);
}
