/** A number from 0 (included) to 1 (excluded) that belongs to a key: it spreads what would else happen at once, and is the same each time. */
import { createHash } from 'node:crypto';

const span = 2 ** 32;

export function jitterOf(key: string): number {
  return createHash('sha256').update(key).digest().readUInt32BE() / span;
}
