/** What an error says to the operator of a state folder, if it is one about it. */
import { StateError } from '../identity/state-error.ts';

/** @returns the whole sentence, with what to do; undefined where the error is another. */
export function stateTrouble(error: unknown): string | undefined {
  return error instanceof StateError ? error.message : undefined;
}
