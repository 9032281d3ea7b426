/** Objects as an author writes them, for tests that need many. */

export function mesh(): string {
  return 'apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {trustDomain: prod.example}\n';
}

export function tenant(name: string, environment = 'prod', more = ''): string {
  const spec = [`environment: ${environment}`, more].filter((field) => field !== '').join(', ');
  return `apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
}

export function namespaceOf(name: string): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n`;
}

/** A ready pod whose label `app` is its name. */
export function pod(namespace: string, name: string, address: string, serviceAccount = 'default'): string {
  return `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: ${namespace}
  labels: {app: ${name}}
spec:
  serviceAccountName: ${serviceAccount}
  containers: [{ports: [{name: http, containerPort: 8080}]}]
status:
  podIPs: [{ip: "${address}"}]
  conditions: [{type: Ready, status: "True"}]
`;
}

export function service(
  namespace: string,
  name: string,
  clusterIp: string,
  selector: { readonly app: string },
  protocol = 'http',
): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  clusterIP: ${clusterIp}
  selector: {app: ${selector.app}}
  ports: [{port: 80, targetPort: 8080, appProtocol: ${protocol}}]
`;
}

/** Lets the routes of one namespace name a service of this one, or every service. */
export function referenceGrant(namespace: string, name: string, from: string, to?: string): string {
  const service = `{group: "", kind: Service${to === undefined ? '' : `, name: ${to}`}}`;
  return `apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: ${from}}]
  to: [${service}]
`;
}

export function grant(
  namespace: string,
  name: string,
  from: string,
  to: string,
  moreTo = '',
  more = 'reason: because',
): string {
  return `apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  from: {tenant: ${from}}
  to: {service: ${[to, moreTo].filter((field) => field !== '').join(', ')}}
  ${more.startsWith('reason') ? more : `${more}\n  reason: because`}
`;
}

/** @param spec lines of the spec, indented by two spaces after the first. */
export function policy(namespace: string, name: string, spec: string): string {
  return `apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  ${spec}
`;
}
