/**
 * A client in a pod that holds one connection and asks at a steady pace: `steady-client.ts URL… --per-second N [--http2]`.
 *
 * It takes the URLs in turn, waits for no answer before it asks again, and prints one JSON line an answer. When its
 * connection ends it opens another, and says so by the number of the connection.
 */
import { Agent, request as http1Request } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { parseArgs } from 'node:util';
import type { SteadyAnswer } from './steady.ts';

/** Longest wait for one answer, in ms. */
const answerMs = 5_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'per-second': { type: 'string', default: '50' }, http2: { type: 'boolean', default: false } },
});
const urls = positionals.map((url) => new URL(url));
const ask = values.http2 ? http2Asker() : http1Asker();

let asked = 0;
setInterval(() => {
  const url = urls[asked++ % urls.length];
  if (url !== undefined) void tell(url);
}, 1_000 / Number(values['per-second']));

async function tell(url: URL): Promise<void> {
  const askedMs = Date.now();
  const outcome = await ask(url);
  const answer: SteadyAnswer = { askedMs, answeredMs: Date.now(), path: url.pathname, ...outcome };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

type Outcome = Pick<SteadyAnswer, 'status' | 'decision' | 'connection'>;

function http1Asker() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (url: URL): Promise<Outcome> =>
    new Promise((resolve) => {
      let connection = 0;
      const request = http1Request(url, { agent, timeout: answerMs });
      request.once('socket', (socket) => {
        const note = () => {
          connection = socket.localPort ?? 0;
        };
        if (socket.connecting) socket.once('connect', note);
        else note();
      });
      request.once('response', (response) => {
        const decision = String(response.headers['x-coffre-decision'] ?? '');
        response.resume();
        response.once('close', () => resolve({ status: response.statusCode ?? 0, decision, connection }));
      });
      request.once('timeout', () => request.destroy());
      request.once('error', () => resolve({ status: 0, decision: '', connection }));
      request.end();
    });
}

function http2Asker() {
  let session: ClientHttp2Session | undefined;
  const open = (url: URL): ClientHttp2Session => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    session = connect(url.origin);
    session.on('error', () => undefined);
    return session;
  };
  return (url: URL): Promise<Outcome> =>
    new Promise((resolve) => {
      const held = open(url);
      const stream = held.request({ ':path': url.pathname });
      let outcome = { status: 0, decision: '' };
      stream.setTimeout(answerMs, () => stream.close());
      stream.on('response', (headers) => {
        outcome = { status: headers[':status'] ?? 0, decision: String(headers['x-coffre-decision'] ?? '') };
      });
      stream.on('error', () => undefined);
      stream.once('close', () => resolve({ ...outcome, connection: held.socket?.localPort ?? 0 }));
      stream.resume();
    });
}
