/** Speaks to a lab's agent over its socket: requests in order, answers by id, and the exits of what was spawned. */
import { createConnection, type Socket } from 'node:net';
import { lineFeed } from './lines.ts';
import {
  type Command,
  type ExitStatus,
  lineBytesMax,
  type Message,
  type PodSummary,
  type Request,
  type SpawnSpec,
} from './protocol.ts';
import { agentSocket } from './run-directory.ts';

/** What a process that outlived its lab is said to have ended by: the agent took it along. */
const takenAlong: ExitStatus = { code: null, signal: 'SIGKILL' };

interface Waiting {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

type Value = Extract<Message, { readonly kind: 'done' }>['value'];

export class AgentClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exits = new Map<number, (exit: ExitStatus) => void>();
  #nextId = 1;

  /** @param dir run directory of a lab that answers. */
  static connect(dir: string): Promise<AgentClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(agentSocket(dir), () => resolve(new AgentClient(socket)));
      socket.once('error', reject);
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    const feed = lineFeed(
      lineBytesMax,
      (line) => this.#receive(JSON.parse(line)),
      () => socket.destroy(),
    );
    socket.on('data', feed);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#end());
  }

  listPods(): Promise<readonly PodSummary[]> {
    return this.#ask({ kind: 'list-pods' }, (value) => value as readonly PodSummary[]);
  }

  /** The pid is the one inside the lab. */
  spawn(process: SpawnSpec): Promise<{ readonly pid: number; readonly exited: Promise<ExitStatus> }> {
    return this.#ask({ kind: 'spawn', process }, (value) => {
      const pid = value as number;
      return { pid, exited: new Promise<ExitStatus>((resolve) => this.#exits.set(pid, resolve)) };
    });
  }

  async tell(command: Exclude<Command, { readonly kind: 'spawn' | 'list-pods' }>): Promise<void> {
    await this.#ask(command, () => undefined);
  }

  /** Ends the connection, and with it every process it spawned. */
  close(): void {
    this.#socket.destroy();
  }

  /** @param read runs the moment the answer arrives, so that nothing which follows it on the line can be missed. */
  #ask<Result>(command: Command, read: (value: Value) => Result): Promise<Result> {
    if (this.#socket.destroyed) return Promise.reject(ended());
    const request: Request = { id: this.#nextId++, command };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve: (value) => resolve(read(value)), reject });
      this.#socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  #receive(message: Message): void {
    switch (message.kind) {
      case 'exit':
        this.#exits.get(message.pid)?.({ code: message.code, signal: message.signal });
        this.#exits.delete(message.pid);
        return;
      case 'done':
        this.#waiting.get(message.id)?.resolve(message.value);
        break;
      case 'failed':
        this.#waiting.get(message.id)?.reject(new Error(message.why));
        break;
    }
    this.#waiting.delete(message.id);
  }

  #end(): void {
    for (const { reject } of this.#waiting.values()) reject(ended());
    this.#waiting.clear();
    for (const resolve of this.#exits.values()) resolve(takenAlong);
    this.#exits.clear();
  }
}

function ended(): Error {
  return new Error('the lab has ended; start another');
}
