/** Starts `keep-asking.ts` (HTTP) or `keep-talking.ts` (TCP) in a pod, and tells what it was answered, when, and on which connection. */
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.ts';
import { readJsonLines } from './json-lines.ts';
import { until } from './until.ts';

export interface Answer {
  /** Epoch ms. */
  readonly atMs: number;
  /** The client's own port: the same port is the same connection. */
  readonly port: number;
  /** The status, or for TCP that our line came back; or that the connection was closed without. */
  readonly outcome: number | 'echo' | 'closed';
}

export interface Asking {
  answers(): readonly Answer[];
  until(what: string, timeoutMs: number, matches: (answer: Answer) => boolean): Promise<Answer>;
  stop(): Promise<void>;
}

/** Longest wait for the first answer, in ms. */
const firstAnswerMs = 10_000;

/**
 * Resolves after the first answer, whatever it was.
 * @param url such as `http://api/` or `tcp://bus:7000`.
 * @param pauseMs between an answer and the next question; HTTP only.
 */
export async function startAsking(lab: Lab, pod: string, url: string, pauseMs?: number): Promise<Asking> {
  const script = fileURLToPath(
    new URL(url.startsWith('tcp:') ? './keep-talking.ts' : './keep-asking.ts', import.meta.url),
  );
  const argv = [process.execPath, script, url, ...(pauseMs === undefined ? [] : [String(pauseMs)])];
  const child = await lab.spawn({ in: pod, argv, confined: true, name: 'asking' });
  const answers = () => readJsonLines<Answer>(child.stdoutPath);
  const asking: Asking = {
    answers,
    until: (what, timeoutMs, matches) => until(what, timeoutMs, () => answers().find(matches)),
    async stop() {
      await child.kill('SIGKILL');
      await child.exited;
    },
  };
  await asking.until('a first answer', firstAnswerMs, () => true);
  return asking;
}
