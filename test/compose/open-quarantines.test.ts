/** What is left of the refreshing of quarantines when the control plane ends. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openQuarantines, type QuarantineHost } from '../../src/compose/open-quarantines.ts';
import { quarantineRecord } from '../../src/controller/quarantine-keeper.io.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Records that can be read at the opening, and never again. */
async function open() {
  let reads = 0;
  const records: Pick<QuarantineHost['records'], 'read'> = {
    async read() {
      reads += 1;
      if (reads > 1) throw new Error('nobody answers');
      return undefined;
    },
  };
  const host = {
    ...{ records, evidence: {}, log: pino({ enabled: false }) },
    ...{ snapshot: () => undefined, lookAgain: () => undefined },
  } as unknown as QuarantineHost;
  return { quarantines: await openQuarantines(host), reads: () => reads };
}

test('what cannot be read is tried again', async () => {
  const { quarantines, reads } = await open();
  quarantines.recordChanged(quarantineRecord);
  await vi.advanceTimersByTimeAsync(12_000);
  expect(reads()).toBe(4);
});

test('a try that fails after the end is the last, and keeps no process alive', async () => {
  const { quarantines, reads } = await open();
  quarantines.recordChanged(quarantineRecord);
  quarantines.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([reads(), vi.getTimerCount()]).toEqual([2, 0]);
});
