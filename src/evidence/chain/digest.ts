/** A short name for what happened, the same each time it is told. */
import { createHash } from 'node:crypto';

/** @param length hexadecimal digits, 64 at most; 16 keep apart what is told in one place, 40 what is told anywhere. */
export function digest(parts: readonly (string | number)[], length: number): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, length);
}
