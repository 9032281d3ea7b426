/** What the process itself is: memory, CPU, descriptors, and how late its event loop runs. */
import { readdir } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { instruments } from './instruments.ts';
import type { Meters } from './meters.ts';

/** How often the delay is sampled, in ms: what is shorter is not seen. */
const delayResolutionMs = 10;

/** @returns stops the sampling. */
export function readProcess(meters: Meters): () => void {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  meters.read(instruments.eventLoopDelay, (tell) => tellDelay(delay, tell));
  meters.read(instruments.eventLoopActive, (tell) => tell(performance.eventLoopUtilization().active / 1_000, {}));
  meters.read(instruments.cpu, (tell) => {
    const { user, system } = process.cpuUsage();
    tell((user + system) / 1e6, {});
  });
  meters.read(instruments.startTime, (tell) => tell(performance.timeOrigin / 1_000, {}));
  meters.read(instruments.residentMemory, (tell) => tell(process.memoryUsage.rss(), {}));
  meters.read(instruments.heapUsed, (tell) => tell(process.memoryUsage().heapUsed, {}));
  meters.read(instruments.heapTotal, (tell) => tell(process.memoryUsage().heapTotal, {}));
  // The folder itself is open while it is read.
  meters.read(instruments.openFds, async (tell) => tell((await readdir('/proc/self/fd')).length - 1, {}));
  return () => delay.disable();
}

/** The sampler's own period is in every sample, and is no delay. */
function tellDelay(
  delay: IntervalHistogram,
  tell: (value: number, labels: { readonly statistic: 'p50' | 'p99' | 'max' }) => void,
): void {
  const late = (ns: number) => Math.max(0, ns / 1e9 - delayResolutionMs / 1_000);
  const { count } = delay;
  tell(count === 0 ? 0 : late(delay.percentile(50)), { statistic: 'p50' });
  tell(count === 0 ? 0 : late(delay.percentile(99)), { statistic: 'p99' });
  tell(count === 0 ? 0 : late(delay.max), { statistic: 'max' });
  delay.reset();
}
