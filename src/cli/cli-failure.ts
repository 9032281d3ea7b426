/** A command that cannot be carried out: what, why it matters, what to do next. Never a stack. */
import type { ExitCode } from './exit-code.ts';

export class CliFailure extends Error {
  readonly exitCode: Exclude<ExitCode, 0>;
  readonly advice: string;

  constructor(exitCode: Exclude<ExitCode, 0>, message: string, advice: string) {
    super(message);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}
