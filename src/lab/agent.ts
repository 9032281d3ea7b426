/**
 * The lab's agent: pid 1 of the lab's namespaces, where it builds pods and starts their processes.
 *
 *   owner ──stdin held open──▶ agent ──▶ pods, processes          owner and `cli.ts` ──agent.sock──▶ Command
 *
 * Its life is the lab's: as pid 1 it takes every process and namespace with it, whether it was killed or left because
 * stdin ended, which is how it learns of its owner's death. Processes belong to the connection that spawned them.
 * The surprise: no signal from inside reaches pid 1, so no application of the lab can end it.
 * A process whose parent left it behind stays a zombie until the lab ends: Node waits for its own children only.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { ChildTable } from './child-table.ts';
import { lineFeed } from './lines.ts';
import { createBridge } from './pod-network.ts';
import { PodTable } from './pod-table.ts';
import { type Command, hostPlace, lineBytesMax, type Message, type Request } from './protocol.ts';
import { agentSocket } from './run-directory.ts';

const [dir = ''] = process.argv.slice(2);

process.stdin.resume();
process.stdin.once('close', () => {
  rmSync(dir, { recursive: true, force: true });
  process.exit(0);
});

mount('-t', 'tmpfs', 'tmpfs', '/run');
provideMountPoint('/etc/resolv.conf');
provideMountPoint('/etc/hosts');
createBridge();

const pods = new PodTable('/run/pods');
const children = new ChildTable(dir);

const server = createServer(serve);
server.listen(agentSocket(dir), () => {
  chmodSync(agentSocket(dir), 0o600);
  process.stdout.write('ready\n');
});

function serve(socket: Socket): void {
  const send = (message: Message) => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  const feed = lineFeed(
    lineBytesMax,
    (line) => {
      const request: Request = JSON.parse(line);
      try {
        send({ kind: 'done', id: request.id, value: carryOut(request.command, socket, send) });
      } catch (error) {
        send({ kind: 'failed', id: request.id, why: error instanceof Error ? error.message : String(error) });
      }
    },
    () => socket.destroy(),
  );
  socket.on('data', feed);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => children.killAllOf(socket));
}

function carryOut(command: Command, owner: Socket, send: (message: Message) => void) {
  switch (command.kind) {
    case 'add-pod':
      pods.add(command.pod);
      return null;
    case 'set-hosts':
      pods.setHosts(command.key, command.hosts);
      return null;
    case 'remove-pod':
      children.killAllIn(command.key);
      pods.remove(command.key);
      return null;
    case 'list-pods':
      return pods.list();
    case 'spawn': {
      const place = command.process.in === hostPlace ? undefined : pods.place(command.process.in);
      return children.spawn(command.process, place, owner, (pid, exit) => send({ kind: 'exit', pid, ...exit }));
    }
    case 'signal':
      children.signal(command.pid, command.signal);
      return null;
  }
}

function mount(...args: readonly string[]): void {
  const done = spawnSync('mount', args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`mount ${args.join(' ')} failed: ${done.stderr.trim()}`);
}

/** Some systems keep /etc/resolv.conf as a link into /run, which the lab has just covered; a bind mount needs it to lead somewhere. */
function provideMountPoint(path: string): void {
  let target: string;
  try {
    target = resolve(dirname(path), readlinkSync(path));
  } catch {
    return; // no link, so a file
  }
  if (!target.startsWith('/run/')) return;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, '');
}
