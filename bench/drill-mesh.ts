/**
 * The mesh that drills are measured on: one service with three endpoints, real callers, and callers that exist for the
 * control plane only.
 *
 *   vault/api-0..2 ◀── vault/real-0..n, a sidecar each        vault/simulated-0..m: see simulated-proxies.ts
 *
 * What must hold meanwhile is an application that has no part in it, so that no drill ends for any cause but ours.
 */

/** The drill that is measured: it strikes every caller. */
export const drillName = 'vault/open';

const endpoints = 3;

/** Files of the folder. */
export function drillMesh(realCallers: number): Readonly<Record<string, string>> {
  return {
    'mesh.yaml': mesh,
    'vault.yaml': documents([
      tenant,
      service,
      consent,
      drill,
      ...range(endpoints).map((index) => pod(`api-${index}`, 'api', `10.99.1.${index + 1}`)),
      ...range(realCallers).map((index) => pod(`real-${index}`, 'web', `10.99.2.${index + 1}`)),
    ]),
    'outside.yaml': pod('beacon', 'beacon', '10.99.9.10', 'outside'),
  };
}

/** A pod without a process of its own behind it. */
export interface SimulatedPod {
  readonly key: string;
  readonly address: string;
}

/** Beside the network of pods that run; see simulated.ts, which leads it to one process. */
export const simulatedNetwork = '10.98.0.0/16';

/** As one more file of the folder: the lab must not start them. */
export function simulatedPods(count: number): { readonly pods: readonly SimulatedPod[]; readonly text: string } {
  const named = range(count).map((index) => ({ name: `simulated-${index}`, address: simulatedAddress(index) }));
  return {
    pods: named.map(({ name, address }) => ({ key: `vault/${name}`, address })),
    text: documents(named.map(({ name, address }) => pod(name, 'web', address))),
  };
}

function simulatedAddress(index: number): string {
  return `10.98.${Math.floor(index / 250)}.${1 + (index % 250)}`;
}

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: bench.test
  dns: { resolvers: [10.99.0.1] }
  authorization: { mode: dynamicOnly }
  drills: { secondPersonAbove: { percent: 100, callers: 100000 }, probeTargets: ["http://10.99.9.10:8080"] }
`;

const tenant = `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: vault }
spec: { environment: test }
`;

const service = `
apiVersion: v1
kind: Service
metadata: { name: api, namespace: vault }
spec: { clusterIP: 10.96.1.1, selector: { app: api }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;

const bounds = 'methods: [openBreaker], maxDuration: 10m, maxPercent: 100';

const consent = `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: bench, namespace: vault }
spec:
  asTarget: { services: [api], callerTenants: [vault], ${bounds} }
  asCaller: { targetTenants: [vault], ${bounds} }
`;

const drill = `
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: open, namespace: vault }
spec:
  hypothesis: the fault reaches every caller at once and leaves every caller at once
  target: { service: api, port: 80 }
  method: { openBreaker: {} }
  blastRadius: { callers: [{ tenant: vault, serviceAccounts: [web] }], percent: 100 }
  steadyState: [{ name: beacon, source: { http: { url: "http://10.99.9.10:8080/" } }, tolerance: { atLeast: 1 } }]
  abortOn: [{ alert: Never }]
  duration: 5m
  observe: 1s
`;

function pod(name: string, account: string, address: string, namespace: string = 'vault'): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${account} } }
spec:
  serviceAccountName: ${account}
  containers: [{ ports: [{ containerPort: 8080 }] }]
status: { phase: Running, podIPs: [{ ip: ${address} }], conditions: [{ type: Ready, status: "True" }] }
`;
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function documents(texts: readonly string[]): string {
  return texts.join('\n---\n');
}
