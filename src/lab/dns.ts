/**
 * The lab's DNS resolver: answers A and AAAA from a table that may be rewritten while it runs.
 *
 *   dns.ts --address 10.99.0.1 --table FILE       FILE: {"api.bank.example": ["203.0.113.10"], …}
 *
 * The table is read for every question, so a test rebinds a name by writing a file; answers live for one second, so a
 * sidecar asks again soon. A name outside the table does not exist. Prints `ready` once it listens, then every name it
 * was asked for. It answers well-formed questions of the lab's own processes and drops the rest.
 * Format: RFC 1035, section 4.1.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';

const dnsPort = 53;
/** Life of an answer, in s. */
const ttlS = 1;
const headerBytes = 12;
const types = { A: 1, AAAA: 28 } as const;
/** Response, recursion desired and available. */
const answerFlags = 0x8180;
const nameError = 3;

const { values } = parseArgs({ options: { address: { type: 'string' }, table: { type: 'string' } } });
const { address = '', table = '' } = values;

const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
socket.on('message', (query, from) => {
  const question = readQuestion(query);
  if (question === undefined) return;
  process.stdout.write(`${question.name}\n`);
  socket.send(answer(query, question), from.port, from.address);
});
socket.bind(dnsPort, address, () => process.stdout.write('ready\n'));

interface Question {
  readonly name: string;
  readonly type: number;
  /** Where the question ends, in bytes. */
  readonly end: number;
}

function readQuestion(query: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = query[at]; length !== 0; length = query[at]) {
    if (length === undefined || length > 63) return undefined;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5;
  if (query.length < end) return undefined;
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end };
}

function answer(query: Buffer, { name, type, end }: Question): Buffer {
  const addresses = readTable().get(name);
  const records = (addresses ?? []).flatMap((text) => {
    const wanted = isIP(text) === 6 ? types.AAAA : types.A;
    return wanted === type ? [record(type, bytesOf(text))] : [];
  });
  const header = Buffer.alloc(headerBytes);
  query.copy(header, 0, 0, 2); // the question's id
  header.writeUInt16BE(answerFlags | (addresses === undefined ? nameError : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, query.subarray(headerBytes, end), ...records]);
}

/** The name is a pointer to the question's. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt16BE(0xc000 | headerBytes, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttlS, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function readTable(): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(JSON.parse(readFileSync(table, 'utf8'))));
}

function bytesOf(text: string): Buffer {
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number));
  const [front = '', back = ''] = text.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const zeros = Array<string>(8 - groups(front).length - groups(back).length).fill('0');
  const words = [...groups(front), ...zeros, ...groups(back)].map((group) => Number.parseInt(group, 16));
  return Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}
