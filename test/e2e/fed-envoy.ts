/**
 * A real Envoy that boots over ADS from our xDS server in this process, without a mesh: what it holds is what a test says.
 *
 *   test ──set, overlay──▶ SnapshotCache ──▶ server ──Unix socket──▶ Envoy ◀──admin page, requests── test
 *
 * `mute` stops the server's clock: no heartbeat leaves any more, and the stream stays open.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { SnapshotCache } from '../../src/xds/cache.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { createXdsService, type XdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import type { AdsRecorder } from './ads-recorder.ts';
import { bootstrapOf, type EnvoyContents, envoySnapshotOf } from './xds-envoy-resources.ts';

const envoyPath = join(import.meta.dirname, '../../.cache/envoy/envoy/_bin/envoy');

/** How long Envoy may take to show something, in ms: it is a poll's bound, not a measurement. */
export const showMs = 20_000;

const key = 'e2e';
const ttlFeatures = ['xds.config.supports-resource-in-sotw', 'xds.config.supports-resource-ttl'];

export class FedEnvoy {
  readonly events: XdsEvent[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'fe-'));
  readonly #snapshots = new SnapshotCache();
  readonly #upstream = createServer((request, response) => response.end(`upstream ${request.url}`));
  #server = new Server();
  #service: XdsService | undefined;
  #envoy: ChildProcess | undefined;
  #upstreamPort = 0;
  #muted = false;
  readonly #recorder: AdsRecorder | undefined;

  private constructor(recorder: AdsRecorder | undefined) {
    this.#recorder = recorder;
  }

  /** @returns once it answers by its listener `one`. */
  static async start(
    apiType: 'GRPC' | 'DELTA_GRPC',
    contents: EnvoyContents,
    recorder?: AdsRecorder,
  ): Promise<FedEnvoy> {
    expect(existsSync(envoyPath), `no Envoy at ${envoyPath}: run the set-up`).toBe(true);
    const fed = new FedEnvoy(recorder);
    // The first to subscribe is the first to be told: a change is written down before what follows from it.
    if (recorder !== undefined) fed.#snapshots.subscribe(key, recorder);
    fed.#upstream.listen(0, '127.0.0.1');
    await once(fed.#upstream, 'listening');
    fed.#upstreamPort = (fed.#upstream.address() as AddressInfo).port;
    fed.#snapshots.setReady();
    fed.set(fed.snapshot(contents));
    await fed.serve();
    const bootstrap = join(fed.#folder, 'bootstrap.json');
    const node = { id: key, cluster: key, client_features: ttlFeatures };
    writeFileSync(bootstrap, JSON.stringify({ ...bootstrapOf(apiType, fed.#folder), node }));
    const flags = ['--disable-hot-restart', '--concurrency', '1', '--drain-time-s', '1', '--log-level', 'warn'];
    fed.#envoy = spawn(envoyPath, ['-c', bootstrap, ...flags], { stdio: 'ignore' });
    await fed.shows('one', '200 upstream /');
    return fed;
  }

  snapshot(contents: EnvoyContents): ResourceSnapshot {
    return envoySnapshotOf(contents, this.#folder, this.#upstreamPort);
  }

  set(snapshot: ResourceSnapshot): void {
    this.#snapshots.set(key, snapshot);
  }

  overlay(resources: readonly Resource[] | undefined): void {
    this.#snapshots.overlay(key, resources);
  }

  /** No timer of the server fires any more. */
  mute(): void {
    this.#muted = true;
  }

  /** The server's process ends, as far as Envoy can see; `serve` starts the next one. */
  crash(): void {
    this.#service?.close();
    this.#server.forceShutdown();
  }

  async serve(): Promise<void> {
    this.#muted = false;
    this.#service = createXdsService({
      authenticate: ({ node }) => Promise.resolve({ kind: 'client', key: node.id }),
      snapshots: this.#snapshots,
      clock: {
        nowMs: Date.now,
        setTimer: (ms, then) => {
          const timer = setTimeout(() => (this.#muted ? undefined : then()), ms);
          return () => clearTimeout(timer);
        },
      },
      observe: (event) => {
        this.events.push(event);
        this.#recorder?.observe(event);
      },
      identifier: key,
    });
    this.#server = new Server();
    const { definition, implementation } = this.#recorder?.tapped(this.#service) ?? this.#service;
    this.#server.addService(definition, implementation);
    await new Promise<void>((resolve, reject) => {
      const address = `unix:${join(this.#folder, 'xds.sock')}`;
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** Waits until requests by this listener are answered so. */
  async shows(listener: string, answer: string): Promise<void> {
    await expect.poll(() => this.answer(listener), { timeout: showMs }).toBe(answer);
  }

  /** Status and body of one request by this listener; status 0 where nobody answers. */
  answer(listener: string): Promise<string> {
    return this.#fetch(`${listener}.sock`, '/');
  }

  async stat(name: string): Promise<number> {
    const text = await this.#fetch('admin.sock', `/stats?filter=^${name}$`);
    return Number(text.split(': ')[1] ?? 'NaN');
  }

  /** The final value of a runtime key, empty where no layer has it. */
  async runtime(name: string): Promise<string> {
    const { entries } = JSON.parse((await this.#fetch('admin.sock', '/runtime')).slice('200 '.length));
    return entries[name]?.final_value ?? '';
  }

  /** Envoy ends as it does when it is told to. */
  async quit(): Promise<void> {
    this.#envoy?.kill('SIGTERM');
    await expect.poll(() => this.events.at(-1)?.kind, { timeout: showMs }).toBe('stream-closed');
  }

  /** Kills what was started and removes what was written. */
  stop(): void {
    this.#envoy?.kill('SIGKILL');
    this.crash();
    this.#upstream.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #fetch(socket: string, path: string): Promise<string> {
    return new Promise((resolve) => {
      const nobody = () => resolve('0 ');
      // A connection each: one that is kept stays with the draining listener.
      const options = { socketPath: join(this.#folder, socket), path, agent: false, headers: { host: 'any' } };
      const request = get(options, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on('end', () => resolve(`${response.statusCode} ${body}`));
        response.on('error', nobody);
      });
      request.on('error', nobody);
    });
  }
}
