/**
 * Who of those that a drill names is to feel it, and who stays as they are.
 *
 * Chosen by a hash of drill and name, so that two plans of one drill choose alike, whoever asks and whenever; a larger
 * percentage keeps those of a smaller one and adds to them.
 */
import { createHash } from 'node:crypto';
import { compareText } from '../model/canonical-json.ts';

/** @returns how many of `total` a percentage is: rounded up, and never nobody where there is somebody. */
export function shareOf(total: number, percent: number): number {
  return Math.min(total, Math.max(Math.ceil((total * percent) / 100), 1));
}

/** @returns `count` of the names, sorted. */
export function choose(names: readonly string[], count: number, drillKey: string): readonly string[] {
  const ranked = names
    .map((name) => ({ name, rank: createHash('sha256').update(`${drillKey}\n${name}`).digest('hex') }))
    .sort((left, right) => compareText(left.rank, right.rank) || compareText(left.name, right.name));
  return ranked
    .slice(0, count)
    .map(({ name }) => name)
    .sort(compareText);
}
