/** A proof for a person: the walls, or the path hop by hop with an example, or what is not understood. */
import type { Link } from '../proof/mesh-reading.ts';
import type { Proof, Wall } from '../proof/prove.ts';
import { plural } from './plural.ts';
import { printable } from './table.ts';

/** Most names of workloads between that are listed. */
const betweenMax = 12;

interface Asked {
  readonly from: string;
  readonly to: string;
  readonly compromised: boolean;
}

export function proofText(proof: Proof, { from, to, compromised }: Asked): string {
  const how = compromised ? 'dialling any address with its own certificate' : 'through its own sidecar';
  return `${lines(proof, from, to, how).map(printable).join('\n')}\n`;
}

function lines(proof: Proof, from: string, to: string, how: string): readonly string[] {
  switch (proof.kind) {
    case 'no-path':
      return [
        `NO PATH: ${from} cannot reach ${to}, ${how}`,
        ...(proof.between.length === 0 ? [] : [`  nor through ${named(proof.between)}, which it can reach`]),
        ...proof.walls.map(wallText),
      ];
    case 'path':
      return [
        `PATH: ${from} reaches ${to}, ${how}, in ${plural(proof.links.length, 'hop')}`,
        ...proof.links.flatMap(linkText),
      ];
    case 'unknown':
      return [
        `UNKNOWN: whether ${from} reaches ${to} depends on what is not understood`,
        ...proof.links.flatMap(linkText),
      ];
  }
}

function named(keys: readonly string[]): string {
  const shown = keys.slice(0, betweenMax).join(', ');
  return keys.length > betweenMax ? `${shown} and ${keys.length - betweenMax} others` : shown;
}

function wallText({ workload, listener, chain, why, caller, others }: Wall): string {
  const where = [workload, listener, chain].filter((part) => part !== '').join(', ');
  return `  ${where}: ${why} (${caller}${others === 0 ? '' : ` and ${plural(others, 'other')}`})`;
}

function linkText({ from, to, door, chain, exit, entry }: Link): readonly string[] {
  const head = `  ${from} -> ${to}`;
  if (entry.kind === 'unclear')
    return [head, `    ${[door, chain].filter((part) => part !== '').join(', ')}: ${entry.why}`];
  const { connection, passage, request } = entry.way;
  const { address, port, transport, sni, peer } = connection;
  const who =
    peer.kind === 'named'
      ? `as ${peer.spiffeId}`
      : peer.kind === 'anonymous'
        ? 'without a certificate'
        : 'in plaintext';
  const rules = passage.rules.length === 0 ? 'no rule stops it' : `allowed by ${passage.rules.join(', ')}`;
  return [
    head,
    ...(exit === undefined ? [] : [`    out   ${exit.listener} to cluster ${exit.cluster}`]),
    `    dial  ${address} port ${port}, ${transport}${sni === undefined ? '' : ` naming ${sni}`}, ${who}`,
    `    in    ${door}, ${chain}: ${rules}; to ${passage.cluster}`,
    ...(request === undefined ? [] : [`    send  ${requestText(request)}`]),
    ...(passage.asksWorker ? ['    an authorization worker judges it as well'] : []),
  ];
}

function requestText({ method, path, host, headers }: NonNullable<Example>): string {
  return [`${method} ${path} Host: ${host}`, ...[...headers].map(([name, value]) => `${name}: ${value}`)].join(' | ');
}

type Example = Extract<Link['entry'], { kind: 'admitted' }>['way']['request'];

export function proofJson(proof: Proof): object {
  if (proof.kind === 'no-path') return proof;
  return { kind: proof.kind, links: proof.links.map(linkJson) };
}

function linkJson({ entry, ...link }: Link): object {
  if (entry.kind === 'unclear') return { ...link, notUnderstood: entry.why };
  const { connection, passage, request } = entry.way;
  const { route, cluster, rules, asksWorker } = passage;
  const sent = request === undefined ? {} : { request: { ...request, headers: Object.fromEntries(request.headers) } };
  return { ...link, connection, route, cluster, rules, asksWorker, ...sent };
}
