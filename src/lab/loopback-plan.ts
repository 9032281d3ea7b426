/**
 * The lab's address plan on one machine's loopback: the same pods, under a second octet that no other lab has.
 *
 *   pod  10.99.x.y ──▶ 127.A.x.y      its application 127.A.(64 + x).y      what applications dial 127.A.128.0/17
 *   service port 80 ──▶ 8080          since a port below 1024 takes a privilege to bind
 *
 * A mesh is written once, for pods with a network each; here is what changes in it when they have none. What is said
 * to a process of the lab is translated too, so that a command by the plan's addresses means the same in both labs.
 */
import { parseAllDocuments } from 'yaml';

/** Second octets that labs choose from; above them begins what meshes allocate where nobody says otherwise. */
export const secondOctets = { first: 64, last: 127 } as const;

/** Added to the third octet of a pod: where its application listens. The plan's pods have less. */
const applicationOffset = 64;

/** The first port that any user may bind, unless the machine says otherwise. Source: ip(7), ip_unprivileged_port_start. */
const freePort = 1_024;
/** Added to ports below it. */
const lowPortOffset = 8_000;
/** What a URL means that names no port. */
const httpPort = 80;

/** @param said by the agent: the first two octets, as `127.77`. */
export function loopbackHost(said: string): string {
  return `${said}.0.1`;
}

/** Addresses of the plan, in any text, as they are in this lab. @param host of the lab. */
export function toLoopback(text: string, host: string): string {
  return text.replace(/\b10\.99\.(\d+\.\d+)\b/g, `${prefixOf(host)}.$1`);
}

/** The same of one word of a command; in a URL by a service's name, also the port that it does not say. */
export function wordOnLoopback(word: string, host: string): string {
  return toLoopback(word, host).replace(/^(http:\/\/[a-z][a-z0-9.-]*)(?=\/)/, `$1:${httpPort + lowPortOffset}`);
}

/** The other way round: what a sidecar wrote down, in the words of the plan. */
export function fromLoopback(text: string, host: string): string {
  return text.replaceAll(new RegExp(`\\b${prefixOf(host).replace('.', '\\.')}\\.(\\d+\\.\\d+)\\b`, 'g'), '10.99.$1');
}

/** One file of a mesh, so that it needs no interception: pods of explicit capture on loopback addresses. */
export function explicitMesh(yaml: string, host: string): string {
  const documents = parseAllDocuments(yaml);
  // What is broken stays as broken as it was written.
  if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return yaml;
  for (const document of documents) {
    switch (document.get('kind')) {
      case 'Mesh':
        document.setIn(['spec', 'explicit'], document.createNode({ outboundRange: `${prefixOf(host)}.128.0/17` }));
        break;
      case 'Service':
        liftPorts(document);
        break;
      case 'Drill':
        liftTarget(document);
        break;
      case 'Pod':
        makeExplicit(document, host);
        break;
    }
  }
  return documents.map(String).join('---\n').replaceAll('---\n---\n', '---\n');
}

function liftPorts(document: ReturnType<typeof parseAllDocuments>[number]): void {
  const { spec } = document.toJS() as { spec?: { ports?: readonly { port: number; targetPort?: number | string }[] } };
  for (const [index, { port, targetPort = port }] of (spec?.ports ?? []).entries()) {
    if (port >= freePort) continue;
    document.setIn(['spec', 'ports', index, 'targetPort'], targetPort);
    document.setIn(['spec', 'ports', index, 'port'], port + lowPortOffset);
  }
}

/** A drill names the port that its service was given. */
function liftTarget(document: ReturnType<typeof parseAllDocuments>[number]): void {
  const { spec } = document.toJS() as { spec?: { target?: { port?: number } } };
  const port = spec?.target?.port ?? freePort;
  if (port < freePort) document.setIn(['spec', 'target', 'port'], port + lowPortOffset);
}

function makeExplicit(document: ReturnType<typeof parseAllDocuments>[number], host: string): void {
  const { status } = document.toJS() as { status?: { podIPs?: readonly { ip: string }[] } };
  const addresses = (status?.podIPs ?? []).flatMap(({ ip }) => (ip.includes(':') ? [] : [toLoopback(ip, host)]));
  const [first = ''] = addresses;
  document.setIn(['status', 'podIPs'], document.createNode(addresses.map((ip) => ({ ip }))));
  const annotations = {
    'coffre.dev/capture': 'explicit',
    'coffre.dev/application-address': applicationAddress(first),
  };
  document.setIn(['metadata', 'annotations'], document.createNode(annotations));
}

function applicationAddress(address: string): string {
  const [first, second, third, fourth] = address.split('.');
  return [first, second, Number(third) + applicationOffset, fourth].join('.');
}

function prefixOf(host: string): string {
  return host.split('.').slice(0, 2).join('.');
}
