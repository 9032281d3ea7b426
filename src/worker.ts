/**
 * An authorization worker: a process of its own that answers ext_authz for every sidecar, by policies fed over xDS.
 *
 *   --xds ADDRESS:PORT      the control plane
 *   --files DIR             holds secrets/root.crt and secrets/token, renewed by whoever keeps them
 *   --listen ADDRESS:PORT   where sidecars ask
 *   --state DIR             the last good policies, sealed
 *   --decisions FILE        one JSON line per decision; standard output if absent
 *   --log-level LEVEL       debug, info, warn or error
 *   --health ADDRESS:PORT   where a kubelet asks `/live` and `/ready`
 *
 * Metrics and spans leave by OTLP where the standard `OTEL_*` variables say so: docs/telemetry.md.
 * This is a composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { openHealthDoor } from './admin/health-door.ts';
import { DecisionLog } from './authz/decision-log.io.ts';
import { openDecisionSink } from './authz/decision-sink.io.ts';
import type { Observer } from './authz/observer.ts';
import { systemClock as checkClock } from './authz/system-clock.io.ts';
import { logLevels, parseEndpoint } from './config.ts';
import { workerKey } from './controller/configure.ts';
import { createGrpcClient } from './grpc/grpc-client.ts';
import { tokenHeader } from './grpc/peer.ts';
import { defaultServerDnsName } from './identity/authority.ts';
import { StateError } from './identity/state-error.ts';
import { systemPorts } from './identity/system-ports.io.ts';
import { systemNamespace } from './model/system-namespace.ts';
import { httpsKeyFetcher } from './oidc/https-key-fetcher.io.ts';
import { KeyKeeper } from './oidc/key-keeper.io.ts';
import { limitedFetcher } from './oidc/limited-fetcher.ts';
import { TokenVerifier } from './oidc/token-verifier.ts';
import { systemClock } from './system-clock.ts';
import { telemetryOfDecisions } from './telemetry/of-decisions.ts';
import { telemetryOfKeys } from './telemetry/of-keys.ts';
import { telemetryOfWorker } from './telemetry/of-worker.ts';
import { readProcess } from './telemetry/process-readings.ts';
import { startTelemetry } from './telemetry/start-telemetry.ts';
import { AuthzWorker } from './verdict/authz-worker.io.ts';
import { KnowledgeKeeper } from './verdict/knowledge-keeper.io.ts';

/** How long it answers and says goodbye after SIGTERM, in ms: a sidecar that asks for anything in that time has left before the door closes. */
const drainMs = 1_000;
/** How long open checks may go on behind the closed door, in ms; a check lasts less than one. */
const stopGraceMs = 1_000;

const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));

try {
  await run();
} catch (error) {
  if (error instanceof StateError || error instanceof TypeError) console.error(error.message);
  else log.fatal({ err: error }, 'the worker could not start');
  process.exitCode = 2;
}

async function run(): Promise<void> {
  const { xds, files, listen, state, decisions, logLevel, health } = readFlags();
  log.level = logLevel;
  const rootFile = join(files, 'secrets', 'root.crt');
  const keeper = await KnowledgeKeeper.open(state, systemPorts.entropy, (cause) =>
    log.error({ err: cause }, 'the policies held could not be written down; a restart would begin without them'),
  );
  const telemetry = startTelemetry({
    ...{ env: process.env, serviceName: 'coffre-authz-worker', nowMs: systemClock.nowMs },
    report: (problem) => log.warn({ problem }, 'telemetry'),
  });
  readProcess(telemetry.meters);
  const decisionLog = new DecisionLog(openDecisionSink(decisions));
  let isServing = false;
  const healthDoor = health && (await openHealthDoor(health, () => isServing));
  const told = telemetryOfWorker(telemetry.meters, () => decisionLog.linesLost);
  const toldOfKeys = telemetryOfKeys(telemetry.meters, () => tokens.census(systemClock.nowMs()));
  const tokens = new TokenVerifier({
    fetchKeys: limitedFetcher(httpsKeyFetcher()),
    report(news) {
      const { kind, ...details } = news;
      log[kind === 'failed' ? 'warn' : 'info'](details, `keys ${kind}`);
      toldOfKeys(news);
    },
  });
  const worker = new AuthzWorker({
    listen,
    clientCaPem: await readFile(rootFile, 'utf8'),
    keeper,
    tokens,
    keys: new KeyKeeper({ verifier: tokens, clock: systemClock }),
    observer: both(decisionLog, telemetryOfDecisions(telemetry.meters, telemetry.tracer)),
    clock: { ...checkClock, ...systemClock },
    ads: {
      node: { id: workerKey, cluster: systemNamespace },
      random: Math.random,
      async connect() {
        const serverCaPem = await readFile(rootFile, 'utf8');
        const token = (await readFile(join(files, 'secrets', 'token'), 'utf8')).trim();
        const client = createGrpcClient({ address: xds, serverName: defaultServerDnsName, serverCaPem });
        return { client, metadata: new Map([[tokenHeader, token]]) };
      },
    },
    report: {
      serving(address, revision) {
        isServing = true;
        log.info({ address, revision }, 'serving');
      },
      xds(event) {
        const { kind, ...details } = event;
        log[kind === 'refused' ? 'error' : 'info'](details, `xds ${kind}`);
        told.xds(event);
      },
      memoryRefused: (why) =>
        log.error({ why }, 'the policies kept on disk are refused; waiting for the control plane'),
      failed: (what, cause) => log.error({ err: cause }, `could not ${what}`),
    },
  });
  await worker.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void stop().then(() => process.exit(0)));
  }

  /** What was decided last is exported too. */
  async function stop(): Promise<void> {
    isServing = false;
    await worker.drain(drainMs);
    await worker.stop(stopGraceMs);
    await healthDoor?.close();
    await telemetry.shutdown();
    await decisionLog.end();
  }
}

function both(first: Observer, second: Observer): Observer {
  return {
    decided(record) {
      first.decided(record);
      second.decided(record);
    },
    shed(peer) {
      first.shed(peer);
      second.shed(peer);
    },
  };
}

/** @throws TypeError that says which flag is wrong. */
function readFlags() {
  const { values } = parseArgs({
    options: {
      xds: { type: 'string' },
      files: { type: 'string' },
      listen: { type: 'string' },
      state: { type: 'string' },
      decisions: { type: 'string' },
      'log-level': { type: 'string', default: 'info' },
      health: { type: 'string' },
    },
  });
  const { xds, files, listen, state, decisions } = values;
  if (xds === undefined || files === undefined || listen === undefined || state === undefined) {
    throw new TypeError(
      'usage: worker.ts --xds ADDRESS:PORT --files DIR --listen ADDRESS:PORT --state DIR [--decisions FILE] [--log-level LEVEL] [--health ADDRESS:PORT]',
    );
  }
  const logLevel = logLevels.find((level) => level === values['log-level']);
  if (logLevel === undefined) throw new TypeError(`--log-level is one of ${logLevels.join(', ')}`);
  const health = values.health === undefined ? undefined : parseEndpoint(values.health);
  if (values.health !== undefined && health === undefined) throw new TypeError('--health is an ADDRESS:PORT');
  return { xds, files, listen, state, decisions, logLevel, health };
}
