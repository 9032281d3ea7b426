/**
 * What it costs to put a day's decisions to a change: the command as CI runs it, over an export, in a process of its own.
 *
 *   mesh of 20 tenants, 200 policies, some with tokens ──▶ folder, change      100,000 decisions ──▶ store ──▶ export
 *                                                          coffre simulate ──▶ processor time, the most memory it held
 *
 * Each request has a path of its own, so nothing that is remembered helps but what was compiled.
 */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exportTo } from '../src/evidence/chain/export.io.ts';
import type { RequestEvent } from '../src/evidence/event.ts';
import { openSqliteStore, storeFile } from '../src/evidence/sqlite/sqlite-store.io.ts';
import type { Bench } from './bench.ts';
import { withFolder } from './side-by-side.ts';

const decisions = 100_000;
const tenants = 20;
const servicesPerTenant = 10;
/** Every so many of the services ask for a token: there, a change leaves its verdicts unknown. */
const tokensEvery = 10;
const eventsPerBatch = 500;
/** Between two looks at the memory of the command, in ms. */
const lookMs = 50;
/** Source: sysconf(3), `_SC_CLK_TCK`, which is the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

const script = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

export const simulate: Bench = {
  name: 'simulate',
  what: `${decisions} recorded decisions of an export put to a change (with --full ten times as many): processor time, and the most memory`,
  run({ runs, full, small, say }) {
    const count = decisions * (full ? 10 : 1) * (small ? 0.1 : 1);
    return withFolder(async (folder) => {
      const file = await exported(folder, count);
      const [mesh, change] = [join(folder, 'mesh.yaml'), join(folder, 'change.txt')];
      writeFileSync(mesh, meshText);
      writeFileSync(change, closed('t0', 's0'));
      const [cpu, mebibytes]: [number[], number[]] = [[], []];
      for (let run = 1; run <= runs; run += 1) {
        const asked = ['-f', change, '--dir', folder, '--against', '24h', '--events', file, '-o', 'json'];
        const measured = await command(['simulate', ...asked]);
        say(`run ${run}: ${JSON.stringify(measured)}`);
        cpu.push(measured.cpuSeconds);
        mebibytes.push(measured.mebibytes);
      }
      return {
        metrics: { cpu_s: { unit: 's', values: cpu }, memory_most_mib: { unit: 'MiB', values: mebibytes } },
      };
    });
  },
};

interface Spent {
  readonly cpuSeconds: number;
  readonly mebibytes: number;
}

async function command(args: readonly string[]): Promise<Spent> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'ignore'] });
  const ended = once(child, 'exit');
  let spent: Spent = { cpuSeconds: 0, mebibytes: 0 };
  while (child.exitCode === null && child.pid !== undefined) {
    spent = spentBy(child.pid) ?? spent;
    await Promise.race([ended, sleep(lookMs)]);
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`the command ended with ${code}`);
  return spent;
}

/** Source: proc(5), `stat` and `status`. @returns undefined of a process that has gone. */
function spentBy(pid: number): Spent | undefined {
  try {
    const [stat, status] = ['stat', 'status'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'));
    const [kibibytes] = /(?<=^VmHWM:\s+)\d+/m.exec(status ?? '') ?? [];
    // Behind the name, which is in brackets: the twelfth and thirteenth, in ticks.
    const [user, system] = (stat?.split(') ').at(-1) ?? '').split(' ').slice(11, 13);
    if (kibibytes === undefined) return undefined;
    return { cpuSeconds: (Number(user) + Number(system)) / ticksPerSecond, mebibytes: Number(kibibytes) / 1_024 };
  } catch {
    return undefined;
  }
}

async function exported(folder: string, count: number): Promise<string> {
  const signingKey = generateKeyPairSync('ed25519').privateKey;
  const store = await openSqliteStore({ folder, replica: 'bench', signingKey, clock: { nowMs: () => Date.now() } });
  for (let from = 0; from < count; from += eventsPerBatch) {
    const answer = await store.append(Array.from({ length: eventsPerBatch }, (_, at) => allowed(from + at)));
    if (answer.kind !== 'kept') throw new Error(answer.message);
  }
  await store.close();
  const file = join(folder, 'export.jsonl');
  const output = createWriteStream(file);
  await exportTo(output, join(folder, storeFile));
  await once(output.end(), 'finish');
  return file;
}

function allowed(at: number): RequestEvent {
  const [tenant, to] = [`t${at % tenants}`, `s${Math.floor(at / tenants) % servicesPerTenant}`];
  const from = `s${Math.floor(at / tenants / servicesPerTenant) % servicesPerTenant}`;
  return {
    kind: 'request',
    id: `d:${at}`,
    decision: `d${at}`,
    atMs: Date.now(),
    tenant,
    workload: `${tenant}/${to}-0`,
    verdict: 'allow',
    from: { identity: `spiffe://bench.test/ns/${tenant}/sa/${from}` },
    to: { workload: `${tenant}/${to}-0`, port: 8_080 },
    request: { host: to, method: 'GET', path: `/documents/${at}/pages`, status: 200 },
    durationMs: 1,
    standsFor: 100,
  };
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${at}`);

function policyText(namespace: string, name: string, app: string, spec: string): string {
  return `apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { matchLabels: { app: ${app} } }, ${spec} }
`;
}

function closed(namespace: string, app: string): string {
  return policyText(namespace, 'closed', app, 'deny: [{ to: { paths: ["/documents/*"] } }]');
}

const meshText = [
  'apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: { name: default }\nspec: { trustDomain: bench.test }\n',
  ...names('t', tenants).flatMap((tenant, row) => [
    `apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${tenant} }
spec: { environment: prod, identityProviders: [{ name: staff, preset: oidc, issuer: "https://id.example", audiences: [api] }] }
`,
    ...names('s', servicesPerTenant).flatMap((service, at) => [
      `apiVersion: v1
kind: Pod
metadata: { name: ${service}-0, namespace: ${tenant}, labels: { app: ${service} } }
spec: { serviceAccountName: ${service} }
status: { podIPs: [{ ip: 10.${row}.${at}.1 }], conditions: [{ type: Ready, status: "True" }] }
`,
      `apiVersion: v1
kind: Service
metadata: { name: ${service}, namespace: ${tenant} }
spec: { clusterIP: 10.96.${row}.${at + 1}, selector: { app: ${service} }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`,
      policyText(
        tenant,
        `p-${service}`,
        service,
        `allow: [{ to: { paths: ["/documents/{id}/pages"] }${at % tokensEvery === 1 ? ', token: { provider: staff }' : ''} }], deny: [{ to: { paths: ["/admin/*"] } }]`,
      ),
    ]),
  ]),
].join('---\n');
