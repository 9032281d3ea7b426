/**
 * The ports that a Service declares, with the protocol the sidecar is to speak on each.
 *
 * `appProtocol` is asked first, then the port's name (`http`, `http-…`). What is declared and is neither HTTP nor gRPC
 * (`https`, `redis`, `kubernetes.io/wss`…) is carried as bytes; what is not declared at all too, and the author is told,
 * because no rule on methods or paths can hold there.
 */
import type { ServicePortObject } from '../kinds/service.ts';
import { reservedPorts } from '../ports.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { PortProtocol } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';

export interface DeclaredPort {
  /** `spec.ports[0]`. */
  readonly path: string;
  readonly port: number;
  readonly name: string;
  readonly protocol: PortProtocol;
  /** Number, or name of a container port. */
  readonly target: number | string;
}

const protocols: ReadonlyMap<string, PortProtocol> = new Map([
  ['http', 'http'],
  ['http2', 'http2'],
  ['grpc', 'http2'],
  ['kubernetes.io/h2c', 'http2'],
  ['tcp', 'tcp'],
]);

/** @returns those that can be carried, sorted by port. */
export function declaredPorts(source: ValidObject<'Service'>, problems: ProblemList): DeclaredPort[] {
  const ports = (source.object.spec.ports ?? []).flatMap((port, index) => {
    const path = `spec.ports[${index}]`;
    return isCarried(source, port, path, problems) ? [declaredPort(source, port, path, problems)] : [];
  });
  const byNumber = Map.groupBy(ports, ({ port }) => port);
  const unique = ports.filter(({ port, path }) => {
    const [other] = (byNumber.get(port) ?? []).filter((same) => same.path !== path);
    if (other === undefined) return true;
    const message = `port ${port} is declared twice, here and at ${quote(other.path)}, so neither is in force`;
    problems.error(source, { code: 'port-conflict', path: `${path}.port`, message, advice: 'remove one of the two' });
    return false;
  });
  return unique.sort((left, right) => left.port - right.port);
}

function isCarried(
  source: ValidObject<'Service'>,
  { port, targetPort, protocol = 'TCP' }: ServicePortObject,
  path: string,
  problems: ProblemList,
): boolean {
  if (protocol !== 'TCP') {
    problems.warning(source, {
      code: 'bad-value',
      path: `${path}.protocol`,
      message: `${quote(protocol)} is not carried by the mesh; the port is closed`,
      advice: 'offer the service over TCP',
    });
    return false;
  }
  for (const [field, number] of Object.entries({ port, targetPort })) {
    if (typeof number !== 'number' || !isReserved(number)) continue;
    problems.error(source, reserved(`${path}.${field}`, number));
    return false;
  }
  return true;
}

export function isReserved(port: number): boolean {
  return port >= reservedPorts.first && port <= reservedPorts.last;
}

export function reserved(path: string, port: number) {
  return {
    code: 'reserved-port',
    path,
    message: `port ${port} belongs to the sidecar, so the service port is not in force`,
    advice: `choose a port outside ${reservedPorts.first} to ${reservedPorts.last}`,
  } as const;
}

function declaredPort(
  source: ValidObject<'Service'>,
  { port, name = '', targetPort = port, appProtocol }: ServicePortObject,
  path: string,
  problems: ProblemList,
): DeclaredPort {
  const protocol = protocolOf(name, appProtocol);
  if (protocol === undefined) {
    problems.warning(source, {
      code: 'protocol-undeclared',
      path,
      message: `port ${port} declares no protocol and is carried as TCP: no rule on methods or paths can hold there`,
      advice: 'set `appProtocol` to `http`, `http2`, `grpc` or `tcp`',
    });
  }
  return { path, port, name, protocol: protocol ?? 'tcp', target: targetPort };
}

function protocolOf(name: string, appProtocol = ''): PortProtocol | undefined {
  if (appProtocol !== '') return protocols.get(appProtocol.toLowerCase()) ?? 'tcp';
  const prefix = name.split('-', 1)[0] ?? '';
  return prefix === 'https' || prefix === 'tls' ? 'tcp' : protocols.get(prefix);
}
