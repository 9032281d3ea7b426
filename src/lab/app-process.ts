/** Starts `app.ts` in a pod, as an application runs: confined. What it saw is the oracle of what arrived. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab } from './lab.ts';
import type { LabProcess } from './lab-process.ts';

export interface AppConnection {
  readonly kind: 'connection';
  /** The port of ours that it came to. */
  readonly port: number;
  /** As Node writes it: an IPv4 peer of a dual-stack port is `::ffff:127.0.0.1`. */
  readonly peer: string;
  readonly peerPort: number;
}

export interface AppRequest extends Omit<AppConnection, 'kind'> {
  readonly kind: 'request';
  /** Header `x-request-id`, empty without one. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type AppSighting = AppConnection | AppRequest;

export interface AppOptions {
  /** Default: the pod's key. */
  readonly service?: string;
  /** Such as `http:8080`, `http2:9090`, `tcp:5432`, and with `tls` also `https:8443`, `tls:5433`. */
  readonly listen: readonly string[];
  /** Default `::`, which takes IPv4 as well. */
  readonly host?: string;
  /** PEM files, outside the lab's private directory. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string };
}

export interface AppProcess {
  readonly process: LabProcess;
  /** All it has seen until now, in order. */
  sightings(): readonly AppSighting[];
  connections(): readonly AppConnection[];
  requests(): readonly AppRequest[];
}

/** Longest wait for its ports, in ms. It takes about 100 ms. */
const startMs = 10_000;

export async function startApp(lab: Lab, podKey: string, options: AppOptions): Promise<AppProcess> {
  const { service = podKey, listen, host = '::', tls } = options;
  const script = fileURLToPath(new URL('./app.ts', import.meta.url));
  const logPath = join(lab.dir, `${podKey.replaceAll('/', '.')}.${service.replaceAll('/', '.')}.seen.ndjson`);
  writeFileSync(logPath, '');
  const child = await lab.spawn({
    in: podKey,
    argv: [
      process.execPath,
      script,
      ...['--service', service, '--host', host, '--log', logPath],
      ...(tls === undefined ? [] : ['--cert', tls.certPath, '--key', tls.keyPath]),
      ...listen.flatMap((listener) => ['--listen', listener]),
    ],
    confined: true,
    name: `${podKey}.app`,
  });
  await child.waitForLine(/^ready$/, startMs);
  const sightings = (): readonly AppSighting[] =>
    readFileSync(logPath, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return {
    process: child,
    sightings,
    connections: () => sightings().filter((seen) => seen.kind === 'connection'),
    requests: () => sightings().filter((seen) => seen.kind === 'request'),
  };
}
