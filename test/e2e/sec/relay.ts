/**
 * Ways out of a lab: whoever dials a TCP address in it speaks to a Unix socket that stands outside.
 *
 *   relay.ts ADDRESS:PORT=SOCKET …        the opposite of a door; it understands nothing of what passes
 */
import { connect, createServer } from 'node:net';

const ways = process.argv.slice(2).map((way) => {
  const [, host, port, path = ''] = /^(.+):(\d+)=(.+)$/.exec(way) ?? [];
  return { host, port: Number(port), path };
});

await Promise.all(
  ways.map(({ host, port, path }) => {
    const server = createServer((inside) => {
      const outside = connect(path);
      inside.on('error', () => outside.destroy());
      outside.on('error', () => inside.destroy());
      inside.pipe(outside);
      outside.pipe(inside);
    });
    return new Promise<void>((resolve) => server.listen(port, host, resolve));
  }),
);
process.stdout.write('ready\n');
