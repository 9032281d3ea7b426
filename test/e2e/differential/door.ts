/**
 * A door into a lab: whoever connects to the Unix socket says where to, in a line, and is then on that TCP connection.
 *
 *   test ──"10.99.1.2 8080\n", then bytes──▶ door.sock ══ in the lab's network ══▶ the pod, as any stranger meets it
 *
 * It understands nothing of what passes, so a test may speak TLS, HTTP or nonsense with the libraries of its own process.
 */
import { connect, createServer, type Socket } from 'node:net';

const [path = ''] = process.argv.slice(2);

createServer((inside) => {
  inside.on('error', () => inside.destroy());
  inside.once('data', (line: Buffer) => {
    inside.pause();
    const [host, port] = line.toString().trim().split(' ');
    pass(inside, connect({ host, port: Number(port) }));
  });
}).listen(path, () => process.stdout.write('ready\n'));

function pass(inside: Socket, outside: Socket): void {
  outside.on('error', () => inside.destroy());
  inside.on('close', () => outside.destroy());
  // The caller waits for this byte, so that its line is never glued to what follows.
  outside.on('connect', () => {
    inside.write('\n');
    inside.pipe(outside);
    outside.pipe(inside);
  });
}
