/** Two control planes, each a process with a volume of its own, on one API server: what is left when one loses everything. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { startKube } from '../harness/start-kube.ts';
import { mesh, namespace, tenant, write } from '../inform/cluster-objects.ts';

const sources = join(import.meta.dirname, '../../../src');
const secretsPath = `/api/v1/namespaces/${systemNamespace}/secrets`;
/** Longest wait for anything, in ms: a Lease is to be waited out on a busy machine. */
const longMs = 90_000;

interface LogLine {
  readonly msg?: string;
  readonly term?: number;
}

/** A pod of the StatefulSet, and its volume. */
class ControlPlane {
  readonly lines: LogLine[] = [];
  readonly state: string;
  readonly child: ChildProcess;

  private constructor(state: string, child: ChildProcess) {
    this.state = state;
    this.child = child;
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines.map((line) => JSON.parse(line)));
    });
  }

  static async start(kubeconfig: string, name: string): Promise<ControlPlane> {
    const state = await mkdtemp(join(tmpdir(), `coffre-${name}-`));
    const [xds, evidence] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const flags = ['--kube', kubeconfig, '--state', state, '--replica', name, '--xds', xds, '--evidence', evidence];
    const child = spawn(process.execPath, [join(sources, 'main.ts'), ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return new ControlPlane(state, child);
  }

  said(message: string): LogLine | undefined {
    return this.lines.find(({ msg }) => msg === message);
  }

  /** With its volume. */
  async lose(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.state, { recursive: true, force: true });
  }

  async events(): Promise<string> {
    const args = [join(sources, 'cli/main.ts'), 'events', '--state', this.state];
    return (await promisify(execFile)(process.execPath, args)).stdout;
  }
}

/** @returns the line of whoever says it first. */
async function anyOf(planes: readonly ControlPlane[], message: string): Promise<LogLine> {
  const said = () => planes.flatMap((plane) => plane.said(message) ?? []);
  await expect.poll(() => said().length, { timeout: longMs }).toBeGreaterThan(0);
  return said()[0] ?? {};
}

whereKube('two control planes', () => {
  let kube: Kube;
  let kubeconfig: string;
  const started: ControlPlane[] = [];
  const start = async (name: string) => {
    const each = await ControlPlane.start(kubeconfig, name);
    started.push(each);
    return each;
  };
  beforeAll(async () => {
    const cluster = await startKube();
    kube = connectKube(cluster);
    kubeconfig = await kube.adminKubeconfig();
    await installDefinitions(kube);
    await write(kube, namespace(systemNamespace), namespace('shop'));
    await write(kube, tenant('shop'), mesh('mesh.example'));
    return async () => {
      await kube.close();
      await cluster.stop();
    };
  }, longMs);
  afterAll(async () => {
    for (const each of started) await each.lose();
  });

  const secrets = async () => {
    const { body } = await kube.request('GET', secretsPath);
    const { items } = body as {
      readonly items: { readonly metadata: { readonly name: string }; readonly data: object }[];
    };
    return new Map(items.map(({ metadata, data }) => [metadata.name, data]));
  };

  test(
    'FLT-35 all replicas lose their volumes: the same authority, a later term, and a gap in the chain that is told',
    async () => {
      const before = [await start('coffre-0'), await start('coffre-1')];
      for (const each of before) await anyOf([each], 'serving');
      const { term: firstTerm = 0 } = await anyOf(before, 'this replica leads');
      for (const each of before) await each.lose();
      const kept = await secrets();
      expect([...kept.keys()]).toContain('coffre-state.tenants.shop');
      const after = [await start('coffre-0'), await start('coffre-1')];
      for (const each of after) await anyOf([each], 'serving');
      const found = await secrets();
      for (const name of ['coffre-seal-key', 'coffre-state.root', 'coffre-state.mesh', 'coffre-state.tenants.shop']) {
        expect(found.get(name)).toEqual(kept.get(name));
      }
      for (const [index, each] of after.entries()) {
        await expect
          .poll(() => each.events(), { timeout: longMs, interval: 1_000 })
          .toContain(`this chain had come to coffre-${index}:`);
      }
      const { term = 0 } = await anyOf(after, 'this replica leads');
      expect(term).toBeGreaterThan(firstTerm);
    },
    longMs * 3,
  );
});
