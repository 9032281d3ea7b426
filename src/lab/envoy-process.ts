/** A real Envoy in a pod, and its admin interface over the Unix socket that its bootstrap names. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import type { Lab } from './lab.ts';
import type { LabProcess } from './lab-process.ts';

export interface EnvoyOptions {
  /** JSON or YAML, best in the lab's private directory; `admin` must be a pipe. */
  readonly bootstrapPath: string;
  /** Names its logs; default: the pod's key with `.envoy`. */
  readonly name?: string;
}

export interface EnvoyProcess {
  readonly process: LabProcess;
  readonly adminSocket: string;
  /** Envoy's own log. Access logs to stdout are in `process.stdoutPath`. */
  readonly logPath: string;
  /** @throws unless the answer is 200; `path` such as `/config_dump?include_eds`. */
  admin(path: string, options?: { readonly method?: 'GET' | 'POST' }): Promise<string>;
  /** All listeners and clusters of the bootstrap are initialised: `/ready` says LIVE. */
  ready(): Promise<boolean>;
  waitLive(timeoutMs?: number): Promise<void>;
  configDump(): Promise<unknown>;
  /** Counters and gauges whose name begins with `prefix`; histograms are left out. */
  stats(prefix: string): Promise<ReadonlyMap<string, number>>;
}

/** Longest wait for one answer of the admin interface, in ms. */
const adminMs = 5_000;
/** Longest wait for LIVE, in ms. Alone it takes about 80 ms; many starting at once share two cores. */
const liveMs = 20_000;
/** Between two looks at `/ready`, in ms. */
const lookMs = 10;

/** Where the set-up puts Envoy. */
function envoyBinary(): string {
  const path = fileURLToPath(new URL('../../.cache/envoy/envoy/_bin/envoy', import.meta.url));
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`there is no Envoy at \`${path}\`; fetch it with \`npm run setup\``);
  }
  return path;
}

/** Flags of every Envoy of the lab. Without the first, two of them collide; without the second, logs come 10 s late. */
const flags = [
  '--disable-hot-restart',
  ...['--file-flush-interval-msec', '50'],
  ...['--concurrency', '1'],
  ...['--drain-time-s', '1'],
  ...['--drain-strategy', 'immediate'],
] as const;

/** Resolves once the process exists; ask `waitLive` before asking it more. It is not confined: it marks its sockets. */
export async function startEnvoy(lab: Lab, podKey: string, options: EnvoyOptions): Promise<EnvoyProcess> {
  const { bootstrapPath, name = `${podKey.replaceAll('/', '.')}.envoy` } = options;
  const adminSocket = adminSocketOf(bootstrapPath);
  const logPath = join(lab.privateDir, `${name}.log`);
  const child = await lab.spawn({
    in: podKey,
    argv: [envoyBinary(), ...flags, '--log-path', logPath, '--config-path', bootstrapPath],
    confined: false,
    name,
  });
  let ended: string | undefined;
  const dispatcher = new Agent({ connect: { socketPath: adminSocket } });
  child.exited.then(({ code, signal }) => {
    ended = signal ?? `code ${code}`;
    void dispatcher.destroy();
  });

  const ask = async (path: string, method: 'GET' | 'POST' = 'GET') => {
    const answer = await request(`http://envoy${path}`, {
      dispatcher,
      method,
      headersTimeout: adminMs,
      bodyTimeout: adminMs,
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  const admin: EnvoyProcess['admin'] = async (path, { method } = {}) => {
    const { status, text } = await ask(path, method);
    if (status !== 200)
      throw new Error(`the admin interface of \`${name}\` answered \`${path}\` with ${status}: ${text}`);
    return text;
  };
  // Before its socket stands, and after its end, it is not ready.
  const ready = () =>
    ask('/ready').then(
      ({ status }) => status === 200,
      () => false,
    );

  return {
    process: child,
    adminSocket,
    logPath,
    admin,
    ready,
    async waitLive(timeoutMs = liveMs) {
      const deadline = performance.now() + timeoutMs;
      while (!(await ready())) {
        const why = ended ?? (performance.now() > deadline ? `not live after ${timeoutMs} ms` : undefined);
        if (why !== undefined) throw new Error(`\`${name}\` is not live (${why}); its log:\n${lastLines(logPath)}`);
        await sleep(lookMs);
      }
    },
    configDump: async () => JSON.parse(await admin('/config_dump')),
    async stats(prefix) {
      const lines = (await admin('/stats')).split('\n');
      const pairs = lines.map((line) => line.split(': ')).filter(([key]) => key?.startsWith(prefix));
      return new Map(
        pairs.map(([key = '', value]) => [key, Number(value)] as const).filter(([, n]) => !Number.isNaN(n)),
      );
    },
  };
}

function adminSocketOf(bootstrapPath: string): string {
  const path: unknown = parse(readFileSync(bootstrapPath, 'utf8'), { merge: true })?.admin?.address?.pipe?.path;
  if (typeof path === 'string') return path;
  throw new Error(`\`${bootstrapPath}\` has no admin.address.pipe.path; the lab reaches Envoy by a Unix socket only`);
}

/** Lines of the log that an error quotes. */
const quotedLinesMax = 20;

/** The end of the log, and before it what was critical first: a stack of addresses follows, and hides the reason. */
function lastLines(path: string): string {
  try {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const critical = lines.findIndex((line) => line.includes('[critical]'));
    const cause = critical >= 0 && critical < lines.length - quotedLinesMax ? [lines[critical], '…'] : [];
    return [...cause, ...lines.slice(-quotedLinesMax)].join('\n');
  } catch {
    return '(none)';
  }
}
