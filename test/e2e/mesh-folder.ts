/** A folder of YAML for one test: a mesh, tenants, services and pods in as few words as they need. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** @param files by path. @returns the folder; remove it with `removeFolder`. */
export function meshFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-mesh-'));
  for (const [file, text] of Object.entries({ 'mesh.yaml': mesh, ...files })) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export const trustDomain = 'wall.test';

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, dns: { resolvers: [10.99.0.1] }, authorization: { mode: dynamicOnly } }
`;

export interface PodText {
  readonly namespace: string;
  readonly name: string;
  /** Also the value of the label `app`. */
  readonly account: string;
  readonly addresses: readonly string[];
  /** Container ports. */
  readonly ports: readonly number[];
}

export function podText({ namespace, name, account, addresses, ports }: PodText): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${account} } }
spec:
  serviceAccountName: ${account}
  containers: [{ ports: [${ports.map((port) => `{ containerPort: ${port} }`).join(', ')}] }]
status:
  phase: Running
  podIPs: [${addresses.map((ip) => `{ ip: "${ip}" }`).join(', ')}]
  conditions: [{ type: Ready, status: "True" }]
`;
}

/** @param clusterIP an address, or `None`. @param port in flow style, such as `name: tcp, port: 5432`. */
export function serviceText(namespace: string, name: string, clusterIP: string, app: string, port: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { clusterIP: ${clusterIP}, selector: { app: ${app} }, ports: [{ ${port} }] }
`;
}

export function documents(...texts: readonly string[]): string {
  return texts.join('\n---\n');
}
