/**
 * Real Envoys are the truth about simulated ones: connected to the same control plane, in the same service account, each simulated
 * proxy holds every resource that an Envoy has, in the same version, before an edit and after it.
 *
 *   vault/web-0, web-1: Envoys        vault/web-2 … web-6: simulated        all call vault/api, none is told more than another
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Holdings } from '../../bench/fleet.ts';
import { buildGo, proxiesProgram } from '../../bench/go-program.ts';
import { range } from '../../bench/standard-mesh.ts';
import { untilTrue } from '../../bench/until-true.ts';
import { defaultServerDnsName } from '../../src/identity/authority.ts';
import { readJsonLines } from '../../src/lab/demo/json-lines.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';
import { labSupport } from '../../src/lab/lab-support.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { documents, meshFolder, podText, removeFolder, serviceText } from './mesh-folder.ts';

const lab = labSupport(['root', 'user-namespace']);
const hasGo = spawnSync('go', ['version']).status === 0;
const missing = lab.kind === 'none' ? `: ${lab.why}; ${lab.cure}` : hasGo ? '' : ': needs `go` to be built';
/** A first build compiles Envoy's whole API. */
const buildMs = 600_000;
/** Longest wait for an edit to be held by everybody, in ms: of a loaded machine, not of a measurement. */
const heldMs = 20_000;

const pod = (name: string, account: string, address: string) =>
  podText({ namespace: 'vault', name, account, addresses: [address], ports: [8_080] });
const real = range(2).map((at) => `web-${at}`);
const simulated = range(5).map((at) => `web-${at + 2}`);
const services = (...names: readonly string[]) =>
  documents(
    ...names.map((name, at) =>
      serviceText('vault', name, `10.96.1.${at + 1}`, 'web', 'name: http, port: 80, targetPort: 8080'),
    ),
  );
const rule = (path: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: rule, namespace: vault }
spec: { deny: [{ to: { paths: [${path}] } }] }
`;

/** Where the sections of Envoy's configuration dump have what it is told of a type. Of endpoints it tells no version. */
const sections = {
  [typeUrls.cluster]: ['dynamic_active_clusters', 'cluster'],
  [typeUrls.listener]: ['dynamic_listeners', 'active_state'],
  [typeUrls.route]: ['dynamic_route_configs', 'route_config'],
  [typeUrls.secret]: ['dynamic_active_secrets', 'secret'],
} as const;
const compared = [...Object.keys(sections), typeUrls.endpoints];

describe.skipIf(missing !== '')(`simulated proxies beside real Envoys${missing}`, () => {
  let mesh: MeshLab;
  let fleet: LabProcess;
  const folder = meshFolder({
    'tenant.yaml':
      'apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: vault }\nspec: { environment: test }\n',
    'services.yaml': services('web', 'api'),
    'rule.yaml': rule('/one'),
    'pods.yaml': documents(...real.map((name, at) => pod(name, 'web', `10.99.1.${at + 1}`))),
  });

  beforeAll(async () => {
    const binary = buildGo(proxiesProgram);
    mesh = await MeshLab.start({ folder });
    mesh.write('simulated.yaml', documents(...simulated.map((name, at) => pod(name, 'web', `10.98.1.${at + 1}`))));
    fleet = await startSimulated(mesh, binary);
  }, buildMs);
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const heldBySimulated = () => readJsonLines<{ held: readonly Holdings[] }>(fleet.stdoutPath).at(-1)?.held ?? [];
  const heldByReal = (name: string) => heldByEnvoy(mesh, `vault/${name}`);
  /** Until each simulated proxy holds what the first Envoy does, as it is then. */
  const untilSame = async (holds: (held: Holdings) => boolean) => {
    await expect
      .poll(
        async () => {
          const truth = await heldByReal('web-0');
          return (
            holds(truth) && [await heldByReal('web-1'), ...heldBySimulated()].map((held) => differences(truth, held))
          );
        },
        { timeout: heldMs },
      )
      .toEqual([...real.slice(1), ...simulated].map(() => []));
    return heldByReal('web-0');
  };

  test('each holds the resources of the Envoys of its service account, by name and version', async () => {
    const truth = await untilSame((held) => hasCluster(held, 'vault/api/80'));
    for (const typeUrl of compared) expect(Object.keys(truth[typeUrl] ?? {}), typeUrl).not.toEqual([]);
  });

  test('and so they do after a rule is another and a service has come', async () => {
    const before = await heldByReal('web-0');
    mesh.write('rule.yaml', rule('/two'));
    mesh.write('services.yaml', services('web', 'api', 'more'));
    const after = await untilSame((held) => hasCluster(held, 'vault/more/80'));
    expect(after[typeUrls.route]?.['in/8080']).not.toBe(before[typeUrls.route]?.['in/8080']);
  });
});

function hasCluster(held: Holdings, name: string): boolean {
  return held[typeUrls.cluster]?.[name] !== undefined;
}

/** Names whose version is not the same, or that one has and the other has not; of endpoints the latter alone. */
function differences(truth: Holdings, held: Holdings): readonly string[] {
  return compared.flatMap((typeUrl) => {
    const [theirs = {}, its = {}] = [truth[typeUrl], held[typeUrl]];
    const names = new Set([...Object.keys(theirs), ...Object.keys(its)]);
    const version = (of: Readonly<Record<string, string>>, name: string) =>
      typeUrl === typeUrls.endpoints ? name in of : of[name];
    return [...names]
      .filter((name) => version(theirs, name) !== version(its, name))
      .map((name) => `${name}: ${version(its, name)}, not ${version(theirs, name)}`);
  });
}

interface DumpEntry {
  readonly name?: string;
  readonly version_info?: string;
  readonly [field: string]: unknown;
}

/** By its own configuration dump, without what it read from files of its own: that has no version. */
async function heldByEnvoy(mesh: MeshLab, key: string): Promise<Holdings> {
  const dump = JSON.parse(await mesh.sidecar(key).admin('/config_dump'));
  const configs: readonly Readonly<Record<string, readonly DumpEntry[]>>[] = dump.configs;
  const entriesOf = (section: string) => configs.flatMap((config) => config[section] ?? []);
  const versions = Object.entries(sections).map(([typeUrl, [section, field]]) => {
    const told = entriesOf(section).flatMap((entry) => {
      const of = entry[field] as { readonly name?: string; readonly version_info?: string };
      const version = entry.version_info ?? of.version_info ?? '';
      return version === '' ? [] : [[entry.name ?? of.name ?? '', version] as const];
    });
    return [typeUrl, Object.fromEntries(told)] as const;
  });
  const clusters = [...entriesOf('static_clusters'), ...entriesOf('dynamic_active_clusters')].map(
    ({ cluster }) => cluster as { readonly name: string; readonly type?: string },
  );
  const byEds = clusters.filter(({ type }) => type === 'EDS').map(({ name }) => [name, ''] as const);
  return { ...Object.fromEntries(versions), [typeUrls.endpoints]: Object.fromEntries(byEds) };
}

/** @param binary built before: a lab's processes have no tools on their path. */
async function startSimulated(mesh: MeshLab, binary: string): Promise<LabProcess> {
  const file = (name: string, of: string) => join(mesh.workloadFiles(`vault/${name}`), 'secrets', of);
  const read = (name: string, of: string) => readFileSync(file(name, of), 'utf8').trim();
  const tokens = simulated.map((name) => file(name, 'token'));
  await untilTrue('a token for each', heldMs, () => tokens.every((token) => existsSync(token)));
  const proxies = simulated.map((name) => ({ id: `vault/${name}`, cluster: 'vault', token: read(name, 'token') }));
  const rootPem = readFileSync(file('web-0', 'root.crt'), 'utf8');
  const fleetFile = join(mesh.lab.privateDir, 'fleet.json');
  writeFileSync(fleetFile, JSON.stringify({ serverName: defaultServerDnsName, rootPem, proxies }));
  const script = fileURLToPath(new URL('../../bench/fleet-holdings.ts', import.meta.url));
  const argv = [process.execPath, script, binary, fleetFile, mesh.controlPlaneAddress];
  return mesh.lab.spawn({ in: hostPlace, argv, confined: false, name: 'simulated' });
}
