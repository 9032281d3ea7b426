/** Starts `steady-client.ts` in a pod, confined as an application, and reads what it was answered. */
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import { JsonLog } from './json-log.ts';

export interface SteadyAnswer {
  /** Epoch ms. */
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly path: string;
  /** 0 where the connection ended without an answer. */
  readonly status: number;
  /** `x-coffre-decision` of the answer, or empty. */
  readonly decision: string;
  /** The client's own port: an equal number is the same connection. */
  readonly connection: number;
}

export interface Steady {
  /** Until now, as they came. */
  answers(): readonly SteadyAnswer[];
  /** The first that matches, however long ago. */
  until(what: string, matches: (answer: SteadyAnswer) => boolean): Promise<SteadyAnswer>;
  stop(): Promise<readonly SteadyAnswer[]>;
}

export interface SteadyOptions {
  readonly perSecond: number;
  readonly http2?: boolean;
}

/** Longest wait for an answer of a kind, in ms: a bound of a loaded machine. */
const untilMs = 15_000;

/** Resolves after the first answer, whatever it was. */
export async function startSteady(
  lab: Lab,
  pod: string,
  urls: readonly string[],
  { perSecond, http2 = false }: SteadyOptions,
): Promise<Steady> {
  const script = fileURLToPath(new URL('./steady-client.ts', import.meta.url));
  const flags = ['--per-second', String(perSecond), ...(http2 ? ['--http2'] : [])];
  const argv = [process.execPath, script, ...urls, ...flags];
  const child = await lab.spawn({ in: pod, argv, confined: true, name: `${pod}.steady` });
  const log = new JsonLog<SteadyAnswer>(child.stdoutPath);
  const answers = () => log.lines().slice();
  const steady: Steady = {
    answers,
    async until(what, matches) {
      let looked = 0;
      let found: SteadyAnswer | undefined;
      const isFound = () => {
        const all = log.lines();
        found = all.slice(looked).find(matches);
        looked = all.length;
        return found !== undefined;
      };
      await expect.poll(isFound, { timeout: untilMs, interval: 20, message: what }).toBe(true);
      return found ?? expect.fail(what);
    },
    async stop() {
      await child.kill('SIGKILL');
      await child.exited;
      return answers();
    },
  };
  await steady.until('a first answer', () => true);
  return steady;
}

/** All of a log at once, which may still be written. */
export function jsonLines<Line>(path: string): readonly Line[] {
  return new JsonLog<Line>(path).lines();
}
