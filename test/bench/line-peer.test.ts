/** Commands and answers by line, as the benches drive a control plane. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { dialLinePeer, startLineChild } from '../../bench/line-peer.ts';

type Command = { readonly id: number; readonly do: string };

/** @returns the address of a program that is prepared at once. */
async function listening(answer: (command: Command, socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.write('{"id":0}\n');
    createInterface({ input: socket }).on('line', (line) => answer(JSON.parse(line), socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answerWith(socket: Socket, answer: object): void {
  socket.write(`${JSON.stringify(answer)}\n`);
}

test('answers are told apart by their number, in whatever order they come', async () => {
  const held: Command[] = [];
  const address = await listening((command, socket) => {
    held.unshift(command);
    if (held.length === 2) for (const { id, do: what } of held) answerWith(socket, { id, what });
  });
  const peer = await dialLinePeer(address);
  const answers = await Promise.all([peer.ask({ do: 'first' }), peer.ask({ do: 'second' })]);
  expect(answers).toEqual([{ what: 'first' }, { what: 'second' }]);
  await peer.stop();
});

test('an error is thrown where it was asked for', async () => {
  const peer = await dialLinePeer(await listening(({ id }, socket) => answerWith(socket, { id, error: 'not today' })));
  await expect(peer.ask({ do: 'serve' })).rejects.toThrow('not today');
  await peer.stop();
});

test('a program that ends leaves nobody waiting', async () => {
  const peer = await dialLinePeer(await listening((_, socket) => socket.destroy()));
  await expect(peer.ask({ do: 'serve' })).rejects.toThrow('ended');
});

test('a child ends with its input, and one that never was prepared is told', async () => {
  const script = `console.log('{"id":0}'); process.stdin.on('data', () => console.log('{"id":1,"pid":' + process.pid + '}'))`;
  const child = await startLineChild(process.execPath, ['-e', script]);
  expect(await child.ask({ do: 'counts' })).toEqual({ pid: child.pid });
  await child.stop();
  await expect(startLineChild(process.execPath, ['-e', ''])).rejects.toThrow('ended');
});
