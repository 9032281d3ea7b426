/**
 * A container that is to run for as long as its pod does: started again when it ends, asked by its probes, stopped in order.
 *
 *   start ──startup probe──▶ started ──readiness──▶ ready | not ready        liveness no ──▶ killed ──▶ start
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from './container.ts';
import type { ContainerSpec, Probe } from './pod-spec.ts';
import { ask } from './probe.ts';

export interface SupervisedOf {
  readonly spec: ContainerSpec;
  readonly podIp: string;
  /** Kubernetes' own, or the pod's, in s. */
  readonly graceSeconds: number;
  run(): Container;
  /** Its state is another. */
  changed(): void;
}

/** Wait before a container is started again, in ms. A kubelet waits from 10 s to five minutes, which no test would. */
const restartMs = 500;
/** Kubernetes' own, where a probe says nothing. */
const probeDefaults = { periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 };

export class Supervised {
  readonly spec: ContainerSpec;
  container: Container | undefined;
  started = false;
  ready = false;
  restarts = 0;
  /** What the probe that keeps it from being ready has said last. */
  why = '';
  readonly #of: SupervisedOf;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(of: SupervisedOf) {
    this.spec = of.spec;
    this.#of = of;
    this.#running = this.#run();
  }

  /** As at the end of a pod: the hook, its turn, the signal, the grace, the kill. */
  async stop(graceSeconds: number, turn: Promise<unknown>): Promise<void> {
    const deadline = AbortSignal.timeout(graceSeconds * 1_000);
    const { container } = this;
    const { preStop } = this.spec.lifecycle ?? {};
    const late = new Promise<void>((resolve) => deadline.addEventListener('abort', () => resolve(), { once: true }));
    if (container?.isRunning && preStop !== undefined && graceSeconds > 0) {
      await Promise.race([late, ask(preStop, { ...this.#of, container }, graceSeconds * 1_000)]);
    }
    await Promise.race([late, turn]);
    this.#stop.abort();
    this.container?.signal('SIGTERM');
    await Promise.race([late, this.#running]);
    this.kill();
    await this.#running;
  }

  /** At once; whoever does not stop it sees it start again. */
  kill(): void {
    this.container?.signal('SIGKILL');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const container = this.#of.run();
      this.container = container;
      const life = new AbortController();
      const probing = this.#probe(container, AbortSignal.any([life.signal, signal])).catch(() => undefined);
      await container.ended;
      life.abort();
      await probing;
      this.#become({ started: false, ready: false });
      if (signal.aborted) return;
      this.restarts += 1;
      this.#of.changed();
      await sleep(restartMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #probe(container: Container, signal: AbortSignal): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.spec;
    if (startupProbe !== undefined) {
      const answer = await this.#until(startupProbe, container, signal);
      if (answer !== 'yes') return this.#restart(container, signal);
    }
    this.#become({ started: true, ready: readinessProbe === undefined });
    await Promise.all([
      readinessProbe &&
        this.#each(readinessProbe, container, signal, (ready) => this.#become({ started: true, ready })),
      livenessProbe &&
        this.#each(livenessProbe, container, signal, (alive) => {
          if (!alive) void this.#restart(container, signal);
        }),
    ]);
  }

  /** @returns after as many answers in a row as it takes. */
  async #until(probe: Probe, container: Container, signal: AbortSignal): Promise<'yes' | 'no'> {
    const { promise, resolve } = Promise.withResolvers<'yes' | 'no'>();
    const enough = new AbortController();
    const asking = this.#each(probe, container, AbortSignal.any([signal, enough.signal]), (good) => {
      resolve(good ? 'yes' : 'no');
      enough.abort();
    });
    // Its end without an answer is the container's, or the pod's.
    await asking.catch(() => undefined).finally(() => resolve('no'));
    return promise;
  }

  async #each(probe: Probe, container: Container, signal: AbortSignal, tell: (good: boolean) => void): Promise<void> {
    const { periodSeconds, timeoutSeconds, successThreshold, failureThreshold } = { ...probeDefaults, ...probe };
    await sleep((probe.initialDelaySeconds ?? 0) * 1_000, undefined, { signal });
    const inRow = { yes: 0, no: 0 };
    while (!signal.aborted) {
      const answer = await ask(probe, { ...this.#of, container }, timeoutSeconds * 1_000);
      if (signal.aborted) return;
      inRow[answer.kind] += 1;
      inRow[answer.kind === 'yes' ? 'no' : 'yes'] = 0;
      if (answer.kind === 'no') this.why = answer.why;
      if (inRow.yes >= successThreshold) tell(true);
      if (inRow.no >= failureThreshold) tell(false);
      await sleep(periodSeconds * 1_000, undefined, { signal }).catch(() => undefined);
    }
  }

  async #restart(container: Container, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    container.signal('SIGTERM');
    await sleep(this.#of.graceSeconds * 1_000, undefined, { signal }).catch(() => undefined);
    container.signal('SIGKILL');
  }

  #become({ started, ready }: { readonly started: boolean; readonly ready: boolean }): void {
    if (this.started === started && this.ready === ready) return;
    this.started = started;
    this.ready = ready;
    this.#of.changed();
  }
}
