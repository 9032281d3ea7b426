/**
 * The meshes on which real Envoys are watched while they take what they are told.
 *
 *   ring: vault/ring-0 ─▶ ring-1 ─▶ … ─▶ ring-0, a sidecar each, explicit capture      wide: one sidecar, many services to call
 */
import { range } from './standard-mesh.ts';

/** Asked for all the time; a rule that is edited refuses it, or does not. */
export const probePath = '/probe';

export function ringService(at: number): string {
  return `ring-${at}`;
}

/** The rule is in a file of its own, so that an edit is of it alone. */
export const ruleFile = 'rule.yaml';

export function ringMesh(pods: number): Readonly<Record<string, string>> {
  return {
    'mesh.yaml': documents([mesh, tenant]),
    'ring.yaml': documents(
      range(pods).flatMap((at) => [
        podText(ringService(at), `10.99.1.${at + 1}`),
        serviceText(ringService(at), `10.96.1.${at + 1}`),
      ]),
    ),
    [ruleFile]: ruleText(false),
  };
}

export function ruleText(refuses: boolean): string {
  const spec = `{ deny: [{ to: { paths: [${refuses ? probePath : '/unasked'}] } }] }`;
  return `{ apiVersion: coffre.dev/v1alpha1, kind: AccessPolicy, metadata: { name: rule, namespace: vault }, spec: ${spec} }`;
}

/** The one that is real. */
export const widePod = 'vault/wide';

export function wideMesh(): Readonly<Record<string, string>> {
  return {
    'mesh.yaml': documents([mesh, tenant]),
    'wide.yaml': documents([podText('wide', '10.99.1.1'), serviceText('wide', '10.96.1.1')]),
    [ruleFile]: ruleText(false),
  };
}

/** Services of one pod each that nobody runs: what one calls is what counts. To be written once the mesh stands. */
export function callees(count: number): string {
  return documents(range(count).flatMap((at) => [serviceText(calleeName(at), calleeIp(96, at)), calleePod(at, 0)]));
}

export function calleeName(at: number): string {
  return `callee-${at}`;
}

/** One more pod of the first service, which moves from address to address. */
export function movingPod(mark: number): string {
  return podText('moving', `10.98.255.${1 + (mark % 250)}`, calleeName(0));
}

/** One more service of the pods of the first, which comes and goes. */
export function comingService(): string {
  return serviceText('coming', '10.96.255.1', calleeName(0));
}

function calleePod(at: number, pod: number): string {
  return podText(`${calleeName(at)}-${pod}`, calleeIp(98, at), calleeName(at));
}

function calleeIp(net: number, at: number): string {
  return `10.${net}.${2 + Math.floor(at / 250)}.${1 + (at % 250)}`;
}

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: bench.test, dns: { resolvers: [10.99.0.1] }, authorization: { mode: dynamicOnly } }
`;

const tenant =
  '{ apiVersion: coffre.dev/v1alpha1, kind: Tenant, metadata: { name: vault }, spec: { environment: test } }';

function serviceText(name: string, clusterIp: string, app: string = name): string {
  const ports = '[{ name: http, port: 80, targetPort: 8080 }]';
  const spec = `{ clusterIP: ${clusterIp}, selector: { app: ${app} }, ports: ${ports} }`;
  return `{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: vault }, spec: ${spec} }`;
}

function podText(name: string, address: string, app: string = name): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: vault, labels: { app: ${app} } }
spec: { serviceAccountName: any, containers: [{ ports: [{ containerPort: 8080 }] }] }
status: { phase: Running, podIPs: [{ ip: ${address} }], conditions: [{ type: Ready, status: "True" }] }
`;
}

function documents(texts: readonly string[]): string {
  return texts.join('\n---\n');
}
