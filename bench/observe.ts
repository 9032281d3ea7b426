/**
 * What a healthy request pays for evidence: the same request through the same real Envoy, by doors that differ in one log.
 *
 *   load ──▶ door `none` | 0 % | 1 % | 100 % ──▶ Envoy ──▶ nothing, an answer of its own      records ──gRPC──▶ counted here
 *
 * The doors take turns in short blocks, so that whatever else the machine does falls on all alike. Envoy answers by itself:
 * an application would only add noise. Bytes of a request are its share of whole messages, and so of what a control plane
 * must read; the first of a stream, with which Envoy introduces itself, is told apart.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, toJson } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { AccessLog } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { BootstrapSchema } from '#gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import { unixAddress } from '../src/envoy/address.ts';
import { http2Only } from '../src/envoy/cluster-options.ts';
import { inboundHttp } from '../src/envoy/http-connection-manager.ts';
import { evidenceCluster } from '../src/envoy/names.ts';
import { envoyRegistry } from '../src/envoy/registry.ts';
import { pack } from '../src/envoy/resource.ts';
import { type Bench, quantile, type Samples } from './bench.ts';

const envoyPath = resolve(import.meta.dirname, '../.cache/envoy/envoy/_bin/envoy');

/** By door: share of the healthy requests that are told, in percent; none has no such log at all. */
const doors = { none: undefined, sample_0: 0, sample_1: 1, sample_100: 100 } as const;
type Door = keyof typeof doors;
const names = Object.keys(doors) as Door[];

const blockRequests = 250;
const blocksByDefault = 12;
const blocksInFull = 80;
/** Longest wait for Envoy, in ms. */
const waitMs = 20_000;
/** Of the processor's time in /proc. Source: getconf CLK_TCK, the same on every Linux that Envoy runs on. */
const ticksPerSecond = 100;

export const observe: Bench = {
  name: 'observe',
  what: `what a healthy request pays for evidence: added p50 and CPU in Envoy, and bytes told, at a sample of 0, 1 and 100 %`,
  async run({ full, runs, say }) {
    const folder = mkdtempSync(join(tmpdir(), 'coffre-observe-'));
    const told = new Told();
    let envoy: ChildProcess | undefined;
    try {
      await told.listen(join(folder, 'evidence.sock'));
      envoy = await startEnvoy(folder);
      const values = new Map<string, { unit: string; values: number[] }>();
      const note = (key: string, unit: string, value: number) => {
        const samples = values.get(key) ?? { unit, values: [] };
        values.set(key, samples);
        samples.values.push(value);
      };
      await measure(folder, envoy, 4);
      for (let run = 1; run <= runs; run += 1) {
        const results = await measure(folder, envoy, full ? blocksInFull : blocksByDefault);
        const base = results.none;
        for (const door of names) {
          const { p50Us, cpuUs } = results[door];
          note(`${door}_p50`, 'us', p50Us);
          note(`${door}_cpu`, 'us', cpuUs);
          if (door === 'none') continue;
          note(`${door}_added_p50`, 'us', p50Us - base.p50Us);
          note(`${door}_added_cpu`, 'us', cpuUs - base.cpuUs);
          note(`${door}_bytes`, 'B', (told.recordBytes() * (doors[door] ?? 0)) / 100);
        }
        say(`run ${run} of ${runs}`);
      }
      note('stream_start_bytes', 'B', told.firstBytes);
      return { metrics: Object.fromEntries(values) as Record<string, Samples> };
    } finally {
      envoy?.kill('SIGKILL');
      told.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Cost {
  readonly p50Us: number;
  /** Of Envoy's whole process, for one request. */
  readonly cpuUs: number;
}

async function measure(folder: string, envoy: ChildProcess, blocks: number): Promise<Record<Door, Cost>> {
  const sums = new Map(names.map((door) => [door, { us: [] as number[], cpuUs: 0 }]));
  for (let block = 0; block < blocks; block += 1) {
    // Each is the first as often as any other.
    const turn = [...sums.keys()].map((_, index, all) => all[(index + block) % all.length] ?? 'none');
    for (const door of turn) {
      const sum = sums.get(door) ?? { us: [], cpuUs: 0 };
      const cpuBefore = cpuUsOf(envoy);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let sent = 0; sent < blockRequests; sent += 1) sum.us.push(await askUs(join(folder, `${door}.sock`), agent));
      agent.destroy();
      sum.cpuUs += cpuUsOf(envoy) - cpuBefore;
    }
  }
  const costOf = (door: Door): Cost => {
    const { us, cpuUs } = sums.get(door) ?? { us: [], cpuUs: 0 };
    const p50Us = quantile(
      us.sort((a, b) => a - b),
      0.5,
    );
    return { p50Us, cpuUs: cpuUs / us.length };
  };
  return Object.fromEntries(names.map((door) => [door, costOf(door)])) as Record<Door, Cost>;
}

function askUs(socketPath: string, agent: Agent): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const request = get({ socketPath, path: '/items/7?all=1', agent, headers: { host: 'shop' } }, (response) => {
      response.resume();
      response.on('end', () => resolve((performance.now() - began) * 1_000));
    });
    request.on('error', reject);
  });
}

function cpuUsOf({ pid }: ChildProcess): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
}

/** Takes records and keeps their size. */
class Told {
  #bytes = 0;
  #records = 0;
  /** Of the newest first message of a stream. */
  firstBytes = 0;
  readonly #server = new Server();

  async listen(path: string): Promise<void> {
    const same = (bytes: Buffer) => bytes;
    this.#server.addService(
      {
        stream: {
          path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
          requestStream: true,
          responseStream: false,
          requestSerialize: same,
          requestDeserialize: same,
          responseSerialize: same,
          responseDeserialize: same,
        },
      },
      {
        stream: (call: NodeJS.ReadableStream) => {
          call.on('error', () => undefined).on('data', (message: Buffer) => this.#take(message));
        },
      },
    );
    await new Promise<void>((done, failed) => {
      this.#server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? failed(error) : done(),
      );
    });
  }

  /** Of one record, in messages that hold many. */
  recordBytes(): number {
    return this.#bytes / this.#records;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #take(message: Buffer): void {
    const { identifier, logEntries } = fromBinary(StreamAccessLogsMessageSchema, message);
    if (identifier !== undefined) {
      this.firstBytes = message.length;
      return;
    }
    this.#bytes += message.length;
    this.#records += logEntries.value?.logEntry.length ?? 0;
  }
}

async function startEnvoy(folder: string): Promise<ChildProcess> {
  const path = join(folder, 'envoy.json');
  writeFileSync(path, JSON.stringify(bootstrapOf(folder)));
  const flags = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'];
  const envoy = spawn(envoyPath, ['-c', path, ...flags], { stdio: 'ignore' });
  const deadline = performance.now() + waitMs;
  while (!(await isThere(join(folder, 'none.sock')))) {
    if (envoy.exitCode !== null || performance.now() > deadline) throw new Error('envoy did not start');
    await sleep(50);
  }
  return envoy;
}

function isThere(socketPath: string): Promise<boolean> {
  return askUs(socketPath, new Agent()).then(
    () => true,
    () => false,
  );
}

function bootstrapOf(folder: string): unknown {
  const endpoint = { case: 'endpoint', value: { address: unixAddress(join(folder, 'evidence.sock')) } } as const;
  const bootstrap = create(BootstrapSchema, {
    node: { id: 'shop/api-0', cluster: 'shop' },
    staticResources: {
      clusters: [
        {
          name: evidenceCluster,
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
          loadAssignment: {
            clusterName: evidenceCluster,
            endpoints: [{ lbEndpoints: [{ hostIdentifier: endpoint }] }],
          },
          typedExtensionProtocolOptions: http2Only(),
        },
      ],
      listeners: names.map((door) => ({
        name: door,
        address: unixAddress(join(folder, `${door}.sock`), 0o600),
        filterChains: [{ filters: [filterOf(doors[door])] }],
      })),
    },
  });
  return toJson(BootstrapSchema, bootstrap, { registry: envoyRegistry });
}

/** As on an inbound listener of ours, but for who may ask and what answers. */
function filterOf(samplePercent: number | undefined) {
  const { name, configType } = inboundHttp('in/8080', { authz: false, samplePercent: samplePercent ?? 0, tracing: {} });
  const manager =
    configType.case === 'typedConfig' ? anyUnpack(configType.value, HttpConnectionManagerSchema) : undefined;
  if (manager === undefined) throw new Error('an inbound listener has another filter than it had');
  const isKept = ({ name: logger }: AccessLog) =>
    samplePercent !== undefined || logger !== 'envoy.access_loggers.http_grpc';
  const routes = create(RouteConfigurationSchema, {
    virtualHosts: [
      {
        name: 'all',
        domains: ['*'],
        routes: [
          {
            match: { pathSpecifier: { case: 'prefix', value: '/' } },
            action: { case: 'directResponse', value: { status: 200 } },
          },
        ],
      },
    ],
  });
  const router = create(HttpFilterSchema, {
    name: 'envoy.filters.http.router',
    configType: { case: 'typedConfig', value: pack(RouterSchema, create(RouterSchema)) },
  });
  const answered: HttpConnectionManager = {
    ...manager,
    accessLog: manager.accessLog.filter(isKept),
    routeSpecifier: { case: 'routeConfig', value: routes },
    httpFilters: [router],
  };
  return { name, configType: { case: 'typedConfig' as const, value: pack(HttpConnectionManagerSchema, answered) } };
}
