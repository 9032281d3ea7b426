/** Raw HTTP/1.1 over mTLS, many requests of one caller: bytes as they are, no client to mend them. */
import { connect } from 'node:tls';
import type { Asked } from '../../policy/language/drawn.ts';
import type { Credentials } from '../differential/callers.ts';
import { caseHeader } from './envoy-of-policies.ts';

export interface Put {
  readonly asked: Asked;
  /** Number of the policy. */
  readonly policy: number;
}

export interface Answer {
  readonly status: number;
  /** Path as the rules saw it, of an answer that passed them. */
  readonly seen: string | undefined;
}

/** Longest wait for one answer, in ms; of a loaded machine. */
const answerMs = 20_000;

/** One after another; where Envoy ends the connection behind an answer, the next has a new one. */
export async function askInTurn(
  port: number,
  credentials: Credentials,
  puts: readonly Put[],
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < puts.length) {
    const before = answers.length;
    await converse(port, credentials, puts.slice(before), (answer) => answers.push(answer));
    if (answers.length === before) throw new Error(`no answer came to ${JSON.stringify(puts[before]?.asked)}`);
  }
  return answers;
}

/** @returns at the end of the connection, at the latest when all are answered. */
function converse(
  port: number,
  { certificateChainPem, privateKeyPem }: Credentials,
  puts: readonly Put[],
  answered: (answer: Answer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { cert: certificateChainPem, key: privateKeyPem, rejectUnauthorized: false } as const;
    const socket = connect({ host: '127.0.0.1', port, ...options });
    const waiting = puts.values();
    let text = '';
    const next = (): void => {
      const { value, done } = waiting.next();
      if (done === true) socket.destroy();
      else socket.write(bytesOf(value), 'latin1');
    };
    socket.setTimeout(answerMs, () => socket.destroy(new Error('the answer does not come')));
    socket.on('secureConnect', next);
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      const answer = answerIn(text);
      if (answer === undefined) return;
      text = '';
      answered(answer);
      next();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

function bytesOf({ asked, policy }: Put): string {
  const headers = [['host', asked.authority], [caseHeader, String(policy)], ...asked.headers];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${asked.method} ${asked.sent} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** @returns undefined while it is not whole. */
function answerIn(text: string): Answer | undefined {
  const [head = '', body] = text.split('\r\n\r\n', 2);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (body === undefined || body.length < length) return undefined;
  return { status: Number(head.slice(9, 12)), seen: /\r\nseen: ([^\r]*)/.exec(head)?.[1]?.split('?')[0] };
}
