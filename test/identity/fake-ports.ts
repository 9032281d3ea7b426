/** A clock that stands still until it is told otherwise, and bytes that are the same in every run. */
import { createHash } from 'node:crypto';
import type { IdentityPorts } from '../../src/identity/ports.ts';

export interface FakePorts extends IdentityPorts {
  readonly clock: { nowMs(): number; set(nowMs: number): void; advance(ms: number): void };
}

export const startMs = Date.parse('2026-11-20T10:00:00Z');
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export function fakePorts(initialMs: number = startMs): FakePorts {
  let nowMs = initialMs;
  let draws = 0;
  return {
    clock: {
      nowMs: () => nowMs,
      set: (ms) => {
        nowMs = ms;
      },
      advance: (ms) => {
        nowMs += ms;
      },
    },
    entropy: {
      bytes(length) {
        draws += 1;
        return createHash('shake256', { outputLength: length }).update(`draw ${draws}`).digest();
      },
    },
  };
}
