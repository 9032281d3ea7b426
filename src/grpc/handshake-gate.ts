/**
 * How many TLS handshakes go on at once, and who waits for one: thousands of clients that come together all get theirs, one
 * crowd after the other, where without it they would all be halfway when their time is over.
 *
 *   arrived ──▶ silent ──spoke──▶ (in line) ──▶ under way ──left──▶ the next in line
 *                 └ the oldest goes, or who is silent for too long   └ who keeps the others waiting goes
 *
 * A place is for who has spoken, so a socket that says nothing holds none. One that says half of it loses its place after
 * `patienceTurns` while somebody waits; nobody waiting, the timeout of the handshake itself ends it.
 * The surprise: time is counted in turns of a timer and not by the clock. After the process was busy for a second, what its
 * clients said meanwhile is read before a second turn comes; by the clock they would all have been too slow.
 */
import type { HandshakeLimits } from './limits.ts';

export interface HandshakePorts<Socket> {
  /** Its handshake begins now. */
  begin(socket: Socket): void;
  /** It is told nothing: its connection ends. */
  cut(socket: Socket): void;
  /** @returns cancels the timer. */
  setTimer(afterMs: number, then: () => void): () => void;
}

export class HandshakeGate<Socket extends object> {
  readonly #ports: HandshakePorts<Socket>;
  readonly #limits: HandshakeLimits;
  /** Each with the turn it came in, oldest first. */
  readonly #silent = new Map<Socket, number>();
  readonly #waiting = new Map<Socket, number>();
  readonly #underway = new Map<Socket, number>();
  #turn = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(ports: HandshakePorts<Socket>, limits: HandshakeLimits) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /** Accepted, and not a byte of it was read. */
  arrived(socket: Socket): void {
    if (this.#silent.size >= this.#limits.silentMax) this.#cutOldest(this.#silent);
    this.#silent.set(socket, this.#turn);
    this.#cancelTimer ??= this.#ports.setTimer(this.#limits.turnMs, () => this.#nextTurn());
  }

  /** Its first bytes are there. */
  spoke(socket: Socket): void {
    if (!this.#silent.delete(socket)) return;
    if (this.#underway.size < this.#limits.atOnceMax) this.#begin(socket);
    else if (this.#waiting.size < this.#limits.waitingMax) this.#waiting.set(socket, this.#turn);
    else this.#ports.cut(socket);
  }

  /** Its handshake is done, or its connection ended. May be called twice, and of who is unknown here. */
  left(socket: Socket): void {
    this.#silent.delete(socket);
    this.#waiting.delete(socket);
    if (this.#underway.delete(socket)) this.#admit();
  }

  counts(): HandshakeCounts {
    return { silent: this.#silent.size, waiting: this.#waiting.size, underway: this.#underway.size };
  }

  /** Cuts everybody who is not done. */
  close(): void {
    this.#cancelTimer?.();
    for (const held of [this.#waiting, this.#silent, this.#underway]) while (held.size > 0) this.#cutOldest(held);
  }

  #begin(socket: Socket): void {
    this.#underway.set(socket, this.#turn);
    this.#ports.begin(socket);
  }

  #admit(): void {
    const [next] = this.#waiting.keys();
    if (next === undefined || this.#underway.size >= this.#limits.atOnceMax) return;
    this.#waiting.delete(next);
    this.#begin(next);
  }

  #nextTurn(): void {
    this.#turn += 1;
    const { silentTurns, waitingTurns, patienceTurns, turnMs } = this.#limits;
    this.#cutOlder(this.#silent, silentTurns);
    this.#cutOlder(this.#waiting, waitingTurns);
    // As many as there are others for their places: a slow client is no enemy while nobody is kept waiting.
    this.#cutOlder(this.#underway, patienceTurns, this.#waiting.size);
    const isIdle = this.#silent.size + this.#waiting.size + this.#underway.size === 0;
    this.#cancelTimer = isIdle ? undefined : this.#ports.setTimer(turnMs, () => this.#nextTurn());
  }

  #cutOlder(held: Map<Socket, number>, turns: number, most = Infinity): void {
    let left = most;
    for (const [socket, turn] of held) {
      if (this.#turn - turn < turns || left <= 0) return;
      left -= 1;
      this.#cut(held, socket);
    }
  }

  #cutOldest(held: Map<Socket, number>): void {
    const [oldest] = held.keys();
    if (oldest !== undefined) this.#cut(held, oldest);
  }

  #cut(held: Map<Socket, number>, socket: Socket): void {
    held.delete(socket);
    this.#ports.cut(socket);
    if (held === this.#underway) this.#admit();
  }
}

export interface HandshakeCounts {
  readonly silent: number;
  readonly waiting: number;
  readonly underway: number;
}
