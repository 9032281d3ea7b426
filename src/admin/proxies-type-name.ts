/** What people call a resource type. */
import { typeUrls } from '../xds/type-url.ts';

const shortNames: ReadonlyMap<string, string> = new Map([
  [typeUrls.listener, 'LDS'],
  [typeUrls.cluster, 'CDS'],
  [typeUrls.endpoints, 'EDS'],
  [typeUrls.route, 'RDS'],
  [typeUrls.secret, 'SDS'],
  [typeUrls.runtime, 'RTDS'],
  [typeUrls.extension, 'ECDS'],
]);

/** Those that a sidecar has, in the order of the alphabet. */
export const typeNames: readonly string[] = [...shortNames.values()].sort();

/** @returns `LDS` and the like; the type's own name where there is no short one. */
export function typeNameOf(typeUrl: string): string {
  return shortNames.get(typeUrl) ?? typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
