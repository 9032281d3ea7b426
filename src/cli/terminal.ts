/** What a command needs of the world around it; tests hand in another. */
import type { ExitCode } from './exit-code.ts';

export interface Terminal {
  /** What was asked for: a table, JSON. With the line end. */
  out(text: string): void;
  /** What a person should know beside it. With the line end. */
  err(text: string): void;
  /** Of the process; the last one said counts. */
  setExitCode(code: ExitCode): void;
  nowMs(): number;
  /** Aborted when the person wants the command to end. */
  readonly signal: AbortSignal;
  /** Who sits at it; absent where a script does. */
  readonly person?: Seated;
}

/** A person who can be asked, and whose screen can be drawn anew. */
export interface Seated {
  /** @returns the answer without its line end; empty where the person gave none. */
  ask(question: string): Promise<string>;
  /** Width of the screen, in characters. */
  columns(): number;
}

export type OutputFormat = 'text' | 'json';

export function writeJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}
