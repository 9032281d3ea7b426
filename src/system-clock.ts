/** The real time and real timers: what the composition roots hand to every room that asks for a clock. */
export const systemClock = {
  nowMs: (): number => Date.now(),
  /** @returns cancels the timer; may be called twice. */
  setTimer(afterMs: number, then: () => void): () => void {
    const timer = setTimeout(then, afterMs);
    return () => clearTimeout(timer);
  },
};

/** The same, with a clock beside it that nobody can set: by it a drill ends, and a wait. */
export const drillClock = { ...systemClock, monotonicMs: (): number => performance.now() };
