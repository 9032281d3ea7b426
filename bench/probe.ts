/**
 * Looks into the process that it is in: a profile of time, of what is allocated and of how late the event loop is; and the
 * heap that is alive. It costs time, so no figure is told of a round in which it looked.
 */
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { profileText } from './profile-text.ts';

/** Between two samples of what runs, in us. */
const sampleUs = 250;
/** Between two samples of what is allocated, in bytes. */
const heapSampleBytes = 16_384;
/** Resolution of the delay, in ms: what is told is how much later than this a timer came. */
const delayMs = 1;
const nsPerMs = 1e6;

export class Probe {
  readonly #session = new Session();
  readonly #delay = monitorEventLoopDelay({ resolution: delayMs });

  async beginProfile(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: sampleUs });
    await this.#session.post('HeapProfiler.startSampling', {
      samplingInterval: heapSampleBytes,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    this.#delay.reset();
    this.#delay.enable();
    await this.#session.post('Profiler.start');
  }

  async endProfile(): Promise<string> {
    const { profile } = await this.#session.post('Profiler.stop');
    this.#delay.disable();
    const { profile: heap } = await this.#session.post('HeapProfiler.stopSampling');
    this.#session.disconnect();
    const late = (share: number) => Math.max(0, this.#delay.percentile(share) / nsPerMs - delayMs);
    return profileText({ profile, heap, delayMs: { p50: late(50), p99: late(99), max: late(100) } });
  }

  /** Objects and buffers that are alive. */
  heapBytes(): number {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }
}
