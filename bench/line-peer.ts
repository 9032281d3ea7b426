/**
 * A program that takes commands and gives answers, one line of JSON each, as a child or behind an address.
 *
 *   ask({do: …}) ──{"id":7,"do":…}──▶ program ──{"id":7,…}──▶ resolves           it says {"id":0} once it is prepared
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface LinePeer {
  /** Rejects where the program ends, or answers with an `error`. */
  ask<T>(command: object): Promise<T>;
  /** Of a child; undefined behind an address. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Longest wait for a child to end after its input has, in ms. */
const endMs = 5_000;

interface Waiting {
  resolve(answer: never): void;
  reject(cause: unknown): void;
}

/** Resolves once the program is prepared. */
export async function startLineChild(file: string, args: readonly string[]): Promise<LinePeer> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = new LineCalls(child.stdout, child.stdin, file);
  await lines.prepared;
  return { ask: (command) => lines.ask(command), pid: child.pid, stop: () => stopChild(child) };
}

/** @param address `host:port`. Its host starts and stops it. */
export async function dialLinePeer(address: string): Promise<LinePeer> {
  const colon = address.lastIndexOf(':');
  const socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
  await once(socket, 'connect');
  const lines = new LineCalls(socket, socket, address);
  await lines.prepared;
  return {
    ask: (command) => lines.ask(command),
    pid: undefined,
    async stop() {
      socket.destroy();
    },
  };
}

class LineCalls {
  readonly prepared: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #input: Writable;
  #last = 0;

  constructor(output: Readable, input: Writable, name: string) {
    this.#input = input;
    this.prepared = this.#waitFor(0);
    this.prepared.catch(() => undefined);
    const lines = createInterface({ input: output });
    lines.on('line', (line) => this.#take(JSON.parse(line)));
    lines.on('close', () => this.#end(new Error(`\`${name}\` ended`)));
    input.on('error', (cause) => this.#end(cause));
  }

  ask<T>(command: object): Promise<T> {
    this.#last += 1;
    this.#input.write(`${JSON.stringify({ id: this.#last, ...command })}\n`);
    return this.#waitFor(this.#last);
  }

  #waitFor<T>(id: number): Promise<T> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take({ id, error, ...answer }: { readonly id: number; readonly error?: string }): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(answer as never);
    else waiting?.reject(new Error(error));
  }

  #end(cause: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(cause);
    this.#waiting.clear();
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), endMs);
  await ended;
  clearTimeout(timer);
}
