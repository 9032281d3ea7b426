/**
 * What every lab's agent does, whatever a pod is to it: carries out commands from its socket, and ends with its owner.
 *
 *   owner ──stdin held open──▶ agent ──▶ processes          owner and `cli.ts` ──agent.sock──▶ Command
 *
 * Processes belong to the connection that spawned them. When stdin ends, which is how an agent learns of its owner's
 * death, everything does.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { ChildTable, type Entrance } from './child-table.ts';
import { lineFeed } from './lines.ts';
import {
  type Command,
  lineBytesMax,
  type Message,
  type PodSpec,
  type PodSummary,
  type Request,
  type SpawnSpec,
} from './protocol.ts';
import { agentSocket } from './run-directory.ts';

/** The pods of a lab, and how a process gets into one. */
export interface AgentWorld {
  add(pod: PodSpec): void;
  setHosts(key: string, hosts: PodSpec['hosts']): void;
  remove(key: string): void;
  list(): readonly PodSummary[];
  entrance(process: SpawnSpec): Entrance;
}

/** @param dir the lab's run directory; removed at the end. @param ready what the owner is told once the socket answers. */
export function serveAgent(dir: string, world: AgentWorld, ready: string): void {
  const children = new ChildTable(dir);

  process.stdin.resume();
  process.stdin.once('close', () => {
    children.killAll();
    rmSync(dir, { recursive: true, force: true });
    process.exit(0);
  });

  const server = createServer((socket) => serve(socket, world, children));
  server.listen(agentSocket(dir), () => {
    chmodSync(agentSocket(dir), 0o600);
    process.stdout.write(`${ready}\n`);
  });
}

function serve(socket: Socket, world: AgentWorld, children: ChildTable): void {
  const send = (message: Message) => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  const carryOut = (command: Command) => {
    switch (command.kind) {
      case 'add-pod':
        world.add(command.pod);
        return null;
      case 'set-hosts':
        world.setHosts(command.key, command.hosts);
        return null;
      case 'remove-pod':
        children.killAllIn(command.key);
        world.remove(command.key);
        return null;
      case 'list-pods':
        return world.list();
      case 'spawn':
        return children.spawn(command.process, world.entrance(command.process), socket, (pid, exit) =>
          send({ kind: 'exit', pid, ...exit }),
        );
      case 'signal':
        children.signal(command.pid, command.signal);
        return null;
    }
  };
  const feed = lineFeed(
    lineBytesMax,
    (line) => {
      const request: Request = JSON.parse(line);
      try {
        send({ kind: 'done', id: request.id, value: carryOut(request.command) });
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
