/**
 * Rounds of checks at several servers in turns: how many a second, and what one costs its server.
 *
 *   checks (a process of its own) ──connections x streams──▶ one server at a time, for a few seconds
 *
 * While one is asked the others are idle. A check that is not answered breaks the round: its figures would be of another load.
 */
import type { AuthzServer } from './authz-servers.ts';
import { buildGo, type GoProgram } from './go-program.ts';
import { type LinePeer, startLineChild } from './line-peer.ts';

const checksProgram: GoProgram = { module: 'bench/checks', main: '.', binary: '.cache/bench/checks' };

/** Four sidecars, fifty checks in flight on each. */
const connections = 4;
const streams = 50;

/** What `checks` answers. */
interface LoadAnswer {
  readonly checks: number;
  readonly lost: number;
  readonly lastLoss: string;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly elapsedMs: number;
  /** By message, verdict and revision. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface LoadRound {
  readonly rps: number;
  /** Absent where the server is not ours to look into. */
  readonly cpuUs?: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** By message, verdict and revision, as `checks` writes them. */
  readonly answers: Readonly<Record<string, number>>;
}

export class Load {
  readonly #peer: LinePeer;

  private constructor(peer: LinePeer) {
    this.#peer = peer;
  }

  static async start(): Promise<Load> {
    return new Load(await startLineChild(buildGo(checksProgram), []));
  }

  /** @param perSecond of checks; 0: as fast as they are answered. @throws where one was lost, or answered by an error. */
  round(server: AuthzServer, messages: readonly Buffer[], ms: number, perSecond = 0): Promise<LoadRound> {
    return this.#round(server, { ms, perSecond, messages: messages.map((each) => each.toString('base64')) });
  }

  /** The same of a proxy, which asks the checks itself. */
  requests(proxy: AuthzServer, paths: readonly string[], ms: number, perSecond: number): Promise<LoadRound> {
    return this.#round(proxy, { ms, perSecond, paths });
  }

  async #round({ name, address, tls, cpuUs }: AuthzServer, what: object): Promise<LoadRound> {
    const before = cpuUs();
    const order = { address, tls, connections, streams, ...what };
    const answer = await this.#peer.ask<LoadAnswer>({ do: 'load', ...order });
    const after = cpuUs();
    const failed = Object.keys(answer.answers).find((key) => key.includes(' status '));
    if (answer.lost > 0 || failed !== undefined || answer.checks === 0) {
      throw new Error(
        `\`${name}\` did not answer: ${answer.lost} lost (${answer.lastLoss}), ${failed ?? 'none failed'}`,
      );
    }
    return {
      rps: (answer.checks / answer.elapsedMs) * 1_000,
      p50Ms: answer.p50Us / 1_000,
      p99Ms: answer.p99Us / 1_000,
      answers: answer.answers,
      ...(before === undefined || after === undefined ? {} : { cpuUs: (after - before) / answer.checks }),
    };
  }

  stop(): Promise<void> {
    return this.#peer.stop();
  }
}
