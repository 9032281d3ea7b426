/** Rules over what `Mesh` says of evidence and telemetry that a schema cannot say. */
import { isIP } from 'node:net';
import { bad, badUrl, exactlyOne, outOfRange, type Range } from './common-findings.ts';
import type { MeshObject } from './kinds/mesh.ts';
import { quote } from './quote.ts';
import type { Finding } from './sourced-object.ts';

/** Of a body: shorter than an hour nobody could ask about it, and ten years is for good. */
export const keptRange: Range = { minMs: 3_600_000, maxMs: 87_600 * 3_600_000, words: 'between `1h` and `87600h`' };

type Sinks = NonNullable<NonNullable<MeshObject['spec']['evidence']>['sinks']>;

export function evidenceFindings({ evidence }: MeshObject['spec']): Finding[] {
  const sinks = evidence?.sinks ?? [];
  return [
    ...Object.entries(evidence?.retention ?? {}).flatMap(([name, kept]) =>
      outOfRange(`spec.evidence.retention.${name}`, kept, keptRange),
    ),
    ...repeatedNames(sinks),
    ...sinks.flatMap(({ to }, index) => destinationFindings(to, `spec.evidence.sinks[${index}].to`)),
  ];
}

function destinationFindings(to: Sinks[number]['to'], path: string): Finding[] {
  if (Object.keys(to).length === 0) {
    const message = 'no destination is written';
    return [bad(path, message, 'write one of `file`, `stdout`, `syslog` and `http`')];
  }
  return [...exactlyOne(path, to), ...badUrl(`${path}.http.url`, to.http?.url), ...plaintext(path, to.http?.url)];
}

/** Events name people’s doings and the mesh’s weak places: they leave the host under TLS or not at all. */
function plaintext(path: string, written: string | undefined): Finding[] {
  const url = written === undefined ? null : URL.parse(written);
  if (url === null || url.protocol === 'https:' || isLoopback(url.hostname)) return [];
  const message = `${quote(url.href)} would carry events in plaintext`;
  return [bad(`${path}.http.url`, message, 'write `https://`, or an address of loopback')];
}

function isLoopback(hostname: string): boolean {
  return hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}

function repeatedNames(sinks: Sinks): Finding[] {
  return sinks.flatMap(({ name }, index) => {
    if (sinks.findIndex((sink) => sink.name === name) === index) return [];
    const message = `two sinks are called ${quote(name)}, and would share what was delivered`;
    return [bad(`spec.evidence.sinks[${index}].name`, message, 'give each a name of its own')];
  });
}
