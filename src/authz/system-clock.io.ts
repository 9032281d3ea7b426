import type { Clock } from './checker.ts';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicUs: () => Math.round(performance.now() * 1_000),
  setTimer(afterMs, then) {
    const timer = setTimeout(then, afterMs);
    return () => clearTimeout(timer);
  },
};
