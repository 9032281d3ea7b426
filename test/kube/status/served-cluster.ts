/** A cluster of one test file's own, and a control plane as a process that serves it and says what it thinks of its objects. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { startKube } from '../harness/start-kube.ts';
import { type GatewayDefinition, installGateway } from './gateway-definitions.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');

interface World {
  readonly namespaces: readonly string[];
  readonly gateway: readonly GatewayDefinition[];
  /** YAML of what stands there when the control plane starts. */
  readonly objects: string;
}

export class ServedCluster {
  readonly kube: Kube;
  /** Where the control plane serves xDS, as `address:port`. */
  readonly xds: string;
  /** What ends it, last first. */
  readonly #closers: (() => Promise<unknown>)[] = [];

  /** Resolves once the control plane serves. */
  static async start({ namespaces, gateway, objects }: World): Promise<ServedCluster> {
    const cluster = await startKube();
    const served = new ServedCluster(connectKube(cluster), `127.0.0.1:${await freePort()}`);
    const { kube } = served;
    served.#closers.push(
      () => cluster.stop(),
      () => kube.close(),
    );
    try {
      await installDefinitions(kube);
      await installGateway(kube, ...gateway);
      for (const name of [...namespaces, systemNamespace]) await served.kubectl(['create', 'namespace', name]);
      await served.kubectl(['apply', '-f', '-'], objects);
      await served.#serve();
      return served;
    } catch (error) {
      await served.close();
      throw error;
    }
  }

  private constructor(kube: Kube, xds: string) {
    this.kube = kube;
    this.xds = xds;
  }

  /** @throws over an exit code, with what was said. */
  async kubectl(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await this.kube.kubectl(args, { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
  }

  async #serve(): Promise<void> {
    const state = await mkdtemp(join(tmpdir(), 'coffre-state-'));
    this.#closers.push(() => rm(state, { recursive: true, force: true }));
    const addresses = ['--xds', this.xds, '--evidence', `127.0.0.1:${await freePort()}`];
    const args = ['--kube', await this.kube.adminKubeconfig(), '--state', state, ...addresses];
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    this.#closers.push(() => {
      child.kill('SIGTERM');
      return ended;
    });
    await saysServing(child);
  }
}

async function saysServing({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('the control plane has no output');
  const lines = createInterface(stdout);
  await new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line.includes('"serving"')) resolve();
    });
  });
}
