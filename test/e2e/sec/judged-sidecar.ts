/**
 * One real sidecar, the worker that it asks, and one that lies, for rows of bytes under whatever configuration a test
 * hands out.
 *
 *   bytes ──▶ Envoy ──▶ the application writes down
 *               ├─check─▶ worker, which keeps its decisions
 *               └─check─▶ liar, with the same certificate
 */
import { createSecureServer } from 'node:http2';
import { join } from 'node:path';
import { configure } from '../../../src/controller/configure.ts';
import type { AppProcess } from '../../../src/lab/app-process.ts';
import { hostPlace } from '../../../src/lab/protocol.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import type { TokenVerifier } from '../../../src/verdict/bearer-token.ts';
import type { ResourceSnapshot } from '../../../src/xds/resource.ts';
import { LyingAuthz } from '../../authz/support/lying-authz.ts';
import { platform } from '../../fixtures/configured.ts';
import { Callers, type Credentials } from '../differential/callers.ts';
import { bypass, OneSidecar } from '../differential/one-sidecar.ts';
import { FedWorker, nobodyVouches } from './fed-worker.ts';

/** Where the sidecar asks, on the bridge of the lab. */
const ports = { worker: 15_013, liar: 15_014, nobody: 15_016 } as const;
/** Longest wait for the relay, in ms: a poll's bound. */
const relayMs = 10_000;
const workload = 'aurore/adele-1';

export class JudgedSidecar {
  readonly callers: Callers;
  readonly sidecar: OneSidecar;
  readonly app: AppProcess;
  readonly worker: FedWorker;
  readonly liar: LyingAuthz;

  private constructor(callers: Callers, sidecar: OneSidecar, app: AppProcess, worker: FedWorker, liar: LyingAuthz) {
    this.callers = callers;
    this.sidecar = sidecar;
    this.app = app;
    this.worker = worker;
    this.liar = liar;
  }

  /** @param mesh that the worker judges by at first. @param tokens whom it asks about tokens. */
  static async start(mesh: Snapshot, tokens: TokenVerifier = nobodyVouches): Promise<JudgedSidecar> {
    const callers = await Callers.issue();
    const sidecar = await OneSidecar.start();
    const { dir } = sidecar.lab;
    const app = await sidecar.startApp('http', ['http:8080']);
    const server = callers.trust.workerIdentity();
    if (server === undefined) throw new Error('nothing was issued for a worker');
    const liar = await startLiar(join(dir, 'liar.sock'), server);
    const worker = await FedWorker.start(dir, callers.trust, server, mesh, tokens);
    await startRelay(sidecar);
    return new JudgedSidecar(callers, sidecar, app, worker, liar);
  }

  /** What a control plane would tell the sidecar. @param asked who gives the verdicts. */
  resources(mesh: Snapshot, asked: keyof typeof ports = 'worker'): ResourceSnapshot {
    const authz = [{ address: this.sidecar.lab.host.ipv4, port: ports[asked] }];
    const { proxies } = configure(mesh, this.callers.trust, { ...platform, authz, bypass }, 0);
    const resources = proxies.get(workload);
    if (resources === undefined) throw new Error('the sidecar was not configured');
    return resources;
  }

  async stop(): Promise<void> {
    this.liar.close();
    await this.worker.stop();
    await this.sidecar.stop();
    this.callers.forget();
  }
}

async function startLiar(path: string, { certificateChainPem, privateKeyPem }: Credentials): Promise<LyingAuthz> {
  const liar = new LyingAuthz(createSecureServer({ cert: certificateChainPem, key: privateKeyPem }));
  await liar.listen({ path });
  return liar;
}

async function startRelay({ lab }: OneSidecar): Promise<void> {
  const script = new URL('./relay.ts', import.meta.url).pathname;
  const ways = (['worker', 'liar'] as const).map(
    (name) => `${lab.host.ipv4}:${ports[name]}=${join(lab.dir, `${name}.sock`)}`,
  );
  const relay = await lab.spawn({
    in: hostPlace,
    argv: [process.execPath, script, ...ways],
    confined: false,
    name: 'relay',
  });
  await relay.waitForLine(/^ready$/, relayMs);
}
