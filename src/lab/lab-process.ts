/** One process of a lab, as its owner holds it: its end, its output on disk, and a way to wait for what it says. */
import { followFile } from './follow-file.ts';
import { lineFeed } from './lines.ts';
import { type ExitStatus, lineBytesMax } from './protocol.ts';

export interface LabProcess {
  readonly name: string;
  /** Inside the lab's pid namespace. */
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  readonly stdoutPath: string;
  readonly stderrPath: string;
  /** Signals the process and all it started; nothing happens if it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /**
   * The first line of stdout or stderr that matches, said already or yet to come.
   * Rejects when the process ends without it, or after `timeoutMs`; the message holds what stderr said last.
   */
  waitForLine(pattern: RegExp, timeoutMs: number): Promise<string>;
}

export interface Spawned {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  readonly stdoutPath: string;
  readonly stderrPath: string;
}

/** Lines of stderr that an error quotes. */
const quotedLinesMax = 5;

export function labProcess(
  spawned: Spawned,
  signalProcess: (pid: number, signal: NodeJS.Signals) => Promise<void>,
): LabProcess {
  let ended = false;
  spawned.exited.then(() => {
    ended = true;
  });
  return {
    ...spawned,
    async kill(signal) {
      if (!ended) await signalProcess(spawned.pid, signal);
    },
    waitForLine: (pattern, timeoutMs) => waitForLine(spawned, pattern, timeoutMs),
  };
}

function waitForLine(process: Spawned, pattern: RegExp, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const take = (line: string) => {
      said.push(line);
      if (said.length > quotedLinesMax) said.shift();
      if (!pattern.test(line)) return;
      resolve(line);
      finish();
    };
    const followed = [process.stdoutPath, process.stderrPath].map((path) =>
      followFile(
        path,
        lineFeed(lineBytesMax, take, () => fail('wrote an endless line')),
      ),
    );
    const finish = () => {
      clearTimeout(timer);
      for (const file of followed) file.finish();
    };
    const fail = (what: string) => {
      reject(new Error(`\`${process.name}\` ${what} before saying ${pattern}; its last words:\n${said.join('\n')}`));
      finish();
    };
    const timer = setTimeout(() => fail(`let ${timeoutMs} ms pass`), timeoutMs);
    process.exited.then(({ code, signal }) => {
      for (const file of followed) file.finish();
      fail(`ended (${signal ?? `code ${code}`})`);
    });
  });
}
