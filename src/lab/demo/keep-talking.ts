/**
 * A client that holds one TCP connection and talks on it: `keep-talking.ts tcp://HOST:PORT`, one JSON line per echo.
 * Runs in a pod, as an application does. When its connection is closed it opens another and says so by the new port.
 */
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './asking.ts';

/** Between an echo and the next line, and between two connections, in ms. */
const pauseMs = 10;
/** Longest wait for an echo, in ms. */
const echoMs = 5_000;
const word = 'still here\n';

const [url = ''] = process.argv.slice(2);
const { hostname, port } = new URL(url);

for (;;) {
  await talk();
  await sleep(pauseMs);
}

/** Until the connection ends. The server's greeting counts for nothing. */
function talk(): Promise<void> {
  return new Promise((resolve) => {
    let ownPort = 0;
    let heard = '';
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true }, () => {
      ownPort = socket.localPort ?? 0;
      socket.write(word);
    });
    const say = (outcome: Answer['outcome']) =>
      process.stdout.write(`${JSON.stringify({ atMs: Date.now(), port: ownPort, outcome } satisfies Answer)}\n`);
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
      if (!heard.endsWith(word)) return;
      heard = '';
      say('echo');
      setTimeout(() => socket.write(word), pauseMs);
    });
    socket.setTimeout(echoMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.once('end', () => socket.destroy());
    socket.once('close', () => {
      say('closed');
      resolve();
    });
  });
}
