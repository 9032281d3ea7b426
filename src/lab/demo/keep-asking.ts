/**
 * A client that holds one connection and asks again and again: `keep-asking.ts URL [PAUSE_MS]`, one JSON line an answer.
 * Runs in a pod, as an application does. When its connection is closed it opens another and says so by the new port.
 */
import { Agent, get } from 'node:http';
import type { Answer } from './asking.ts';

/** Between an answer and the next question, in ms, if nobody says. */
const defaultPauseMs = 10;
/** Longest wait for one answer, in ms. */
const answerMs = 5_000;

const [url = '', pauseMs = defaultPauseMs] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

for (;;) {
  process.stdout.write(`${JSON.stringify(await ask())}\n`);
  await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
}

function ask(): Promise<Answer> {
  return new Promise((resolve) => {
    let port = 0;
    const done = (outcome: Answer['outcome']) => resolve({ atMs: Date.now(), port, outcome });
    const request = get(url, { agent, timeout: answerMs }, (response) => {
      response.resume();
      response.once('end', () => done(response.statusCode ?? 0));
      response.once('error', () => done('closed'));
    });
    request.once('socket', (socket) => {
      const note = () => {
        port = socket.localPort ?? 0;
      };
      if (socket.connecting) socket.once('connect', note);
      else note();
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => done('closed'));
  });
}
