/** A command in a pod, run by a check and printed for the reader: one value, so that the two cannot differ. */
import { hostPlace, type Place } from '../protocol.ts';

export interface PodCommand {
  readonly in: Place;
  readonly argv: readonly string[];
  /** With the lab's capabilities, as a thief who became root would have. Default: as an application. */
  readonly unconfined?: boolean;
}

export function inPod(place: Place, ...argv: readonly string[]): PodCommand {
  return { in: place, argv };
}

/** Kills a server of the lab, whichever process it is at the moment. */
export function killByFile(pidFile: string): PodCommand {
  return inPod(hostPlace, 'sh', '-c', `kill -9 $(cat ${pidFile})`);
}

/**
 * As a reader types it, at the root of the repository.
 * @param lab always named: tests, or a second demo, may run beside this one.
 */
export function shellLine({ in: place, argv, unconfined = false }: PodCommand, lab: string): string {
  const flags = unconfined ? ['--unconfined'] : [];
  return ['npm run -s lab -- exec --lab', lab, ...flags, place, '--', ...argv.map(quote)].join(' ');
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
