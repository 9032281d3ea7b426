/** A server in the worker's place, with the worker's certificate, that lies: `lying-worker.ts ADDRESS PORT CERT KEY LIE`. Prints `asked` for each check. */
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { allowAnswer } from '../../src/authz/answer.ts';
import { type Lie, LyingAuthz } from '../authz/support/lying-authz.ts';

const [address = '', port = '', cert = '', key = '', name = ''] = process.argv.slice(2);

const lies: Readonly<Record<string, Lie>> = {
  garbage: { kind: 'message', bytes: Buffer.alloc(40, 0xff) },
  'zero-length': { kind: 'message', bytes: Buffer.alloc(0) },
  oversized: { kind: 'message', bytes: Buffer.alloc(8 * 1024 * 1024, 0x0a) },
  'cut-short': { kind: 'cut-frame', bytes: allowAnswer('7') },
  silence: { kind: 'silence' },
  reset: { kind: 'reset-connection' },
  'no-such-status': { kind: 'status', code: 99 },
  // No lie: what the others would have to say to be believed.
  honest: { kind: 'message', bytes: allowAnswer('7') },
};

const tls = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) });
tls.on('stream', () => process.stdout.write('asked\n'));
const server = new LyingAuthz(tls);
server.lie = lies[name] ?? { kind: 'silence' };
await server.listen({ host: address, port: Number(port) });
process.stdout.write(`lying ${name}\n`);
