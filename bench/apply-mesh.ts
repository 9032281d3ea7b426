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
    'mesh.yaml': documents([mesh, tenantText('vault')]),
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
    'mesh.yaml': documents([mesh, tenantText('vault')]),
    'wide.yaml': documents([podText('wide', '10.99.1.1'), serviceText('wide', '10.96.1.1')]),
    [ruleFile]: ruleText(false),
  };
}

/**
 * Services of one pod each that nobody runs, in tenants of ten, all open to the one that is real: what one calls is what
 * counts, and the others call next to nothing. To be written once the mesh stands.
 */
export function callees(count: number): string {
  const tenants = range(Math.ceil(count / calleesPerTenant)).map((at) =>
    tenantText(calleeTenant(at * calleesPerTenant)),
  );
  const each = range(count).flatMap((at) => {
    const [name, tenant] = [calleeName(at), calleeTenant(at)];
    const ip = (net: number) => `10.${net}.${2 + Math.floor(at / 250)}.${1 + (at % 250)}`;
    return [serviceText(name, ip(96), name, tenant), podText(name, ip(98), name, tenant), grantText(name, tenant)];
  });
  return documents([...tenants, ...each]);
}

/** As Envoy's counters name it. */
export function calleeCluster(at: number): string {
  return `${calleeTenant(at)}/${calleeName(at)}/80`;
}

/** One more pod of the first service, which moves from address to address. */
export function movingPod(mark: number): string {
  return podText('moving', `10.98.255.${1 + (mark % 250)}`, calleeName(0), calleeTenant(0));
}

/** One more service, which comes and goes. */
export function comingService(): string {
  return serviceText('coming', '10.96.255.1', 'wide');
}

const calleesPerTenant = 10;

function calleeName(at: number): string {
  return `callee-${at}`;
}

function calleeTenant(at: number): string {
  return `far-${Math.floor(at / calleesPerTenant)}`;
}

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: bench.test, dns: { resolvers: [10.99.0.1] }, authorization: { mode: dynamicOnly } }
`;

function tenantText(name: string): string {
  return `{ apiVersion: coffre.dev/v1alpha1, kind: Tenant, metadata: { name: ${name} }, spec: { environment: test } }`;
}

function grantText(service: string, tenant: string): string {
  const metadata = `{ name: ${service}, namespace: ${tenant} }`;
  const spec = `{ from: { tenant: vault }, to: { service: ${service} }, reason: to be called }`;
  return `{ apiVersion: coffre.dev/v1alpha1, kind: Grant, metadata: ${metadata}, spec: ${spec} }`;
}

function serviceText(name: string, clusterIp: string, app: string = name, tenant: string = 'vault'): string {
  const ports = '[{ name: http, port: 80, targetPort: 8080 }]';
  const spec = `{ clusterIP: ${clusterIp}, selector: { app: ${app} }, ports: ${ports} }`;
  return `{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: ${tenant} }, spec: ${spec} }`;
}

function podText(name: string, address: string, app: string = name, tenant: string = 'vault'): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${tenant}, labels: { app: ${app} } }
spec: { serviceAccountName: any, containers: [{ ports: [{ containerPort: 8080 }] }] }
status: { phase: Running, podIPs: [{ ip: ${address} }], conditions: [{ type: Ready, status: "True" }] }
`;
}

function documents(texts: readonly string[]): string {
  return texts.join('\n---\n');
}
