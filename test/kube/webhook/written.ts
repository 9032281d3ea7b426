/** Objects as they are written into a cluster. */

export function ourObject(kind: string, name: string, spec: object, metadata: object = {}): object {
  return { apiVersion: 'coffre.dev/v1alpha1', kind, metadata: { name, ...metadata }, spec };
}

export function grantTo(tenant: string, service = 'api'): object {
  return { from: { tenant }, to: { service }, reason: 'they need it' };
}

export function serviceOf(name: string, ports: Record<string, number>): object {
  const list = Object.entries(ports).map(([portName, port]) => ({ name: portName, port }));
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: list } };
}
