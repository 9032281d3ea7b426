/**
 * The mesh of the rows, twice: guarded by every kind of rule, and with everything granted.
 *
 *   adele   may do whatever no deny rule speaks of
 *   anton   may do what one of three rules allows: by template, by header, by host
 */
import type { AppRequest } from '../../../src/lab/app-process.ts';
import { documents, meshFrom, trustDomain } from '../../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../../fixtures/two-tenants.ts';

const judged = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, authorization: { mode: everyRequest } }
`;

const workloads = documents(
  pod('aurore', 'adele', '10.1.0.1'),
  pod('aurore', 'anton', '10.1.0.2'),
  service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
);

const policy = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: guarded, namespace: aurore }
spec:
  selector: { matchLabels: { app: adele } }
  allow:
  - from: { serviceAccounts: [adele] }
  - { from: { serviceAccounts: [anton] }, to: { paths: ["/documents/{id}"] } }
  - { from: { serviceAccounts: [anton] }, to: { headers: [{ name: x-role, exact: "reader!" }] } }
  - { from: { serviceAccounts: [anton] }, to: { hosts: [open.example] } }
  deny:
  - to: { paths: [/admin/*] }
  - to: { paths: ["/documents/{id}/secret"] }
  - to: { headers: [{ name: x-role, exact: admin }] }
  - to: { hosts: [closed.example] }
  - to: { paths: [/signed/*], headers: [{ name: x-signature, present: false }] }
`;

export const guarded = meshFrom(
  documents(judged, tenant('aurore', 'environment: prod, defaultAccess: none'), workloads, policy),
);
export const granted = meshFrom(documents(judged, tenant('aurore'), workloads));

/** What no deny rule may let through, as the application saw it. */
export function isForbidden({ path, headers }: Pick<AppRequest, 'path' | 'headers'>): boolean {
  const roles = (headers['x-role'] ?? '').split(',').map((value) => value.trim());
  const host = headers['host']?.toLowerCase() ?? '';
  const isUnsigned = path.startsWith('/signed/') && headers['x-signature'] === undefined;
  return isClosed(path) || roles.includes('admin') || /^closed[.]example[.]?(:|$)/.test(host) || isUnsigned;
}

/**
 * What a careless application may take a path for: decoded once, parameters and empty segments gone, dots resolved,
 * backslashes turned. A naive second opinion, which shares no line with policy or emitters.
 */
export function isClosed(path: string): boolean {
  const [bare = ''] = path.split('?');
  const decoded = bare.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const names: string[] = [];
  for (const segment of decoded.replaceAll('\\', '/').split('/')) {
    const name = segment.split(';', 1)[0] ?? '';
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names[0] === 'admin' || (names.length === 3 && names[0] === 'documents' && names[2] === 'secret');
}
