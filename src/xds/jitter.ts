/** A number from 0 (included) to 1 (excluded) that belongs to a key: it spreads what would else happen at once, and is the same each time. */
import { hash } from 'node:crypto';

const span = 2 ** 32;

export function jitterOf(key: string): number {
  return hash('sha256', key, 'buffer').readUInt32BE() / span;
}
