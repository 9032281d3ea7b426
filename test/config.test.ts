/** What the command line and the environment say becomes one frozen value, or every reason why not. */
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

function configOf(args: readonly string[], env: Record<string, string> = {}) {
  const result = readConfig(args, env);
  if (result.kind === 'refused') throw new Error(result.problems.join('\n'));
  return result.config;
}

function problemsOf(args: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const result = readConfig(args, env);
  return result.kind === 'refused' ? result.problems : [];
}

test('a folder is enough, and paths are made absolute', () => {
  expect(configOf(['--folder', 'mesh'])).toMatchObject({
    source: { kind: 'folder', folder: resolve('mesh') },
    state: resolve('.coffre'),
    workloads: resolve('.coffre/workloads'),
    stateKeyFile: undefined,
    xds: { address: '127.0.0.1', port: 15_012 },
    bypass: { kind: 'user' },
  });
});

test('a cluster is a source as well, by a kubeconfig or as the pod that we are', () => {
  expect(configOf(['--kube', 'admin.conf'])).toMatchObject({
    source: { kind: 'kubeconfig', file: resolve('admin.conf') },
  });
  expect(configOf([], { COFFRE_KUBE: 'in-cluster' })).toMatchObject({ source: { kind: 'in-cluster' } });
  expect(problemsOf(['--folder', 'mesh', '--kube', 'admin.conf'])).toEqual([expect.stringContaining('not from both')]);
});

test('a flag wins over the environment, which wins over the default', () => {
  const env = { COFFRE_FOLDER: 'theirs', COFFRE_STATE: 'state', COFFRE_STATE_KEY_FILE: 'seal.key' };
  expect(configOf(['--folder', 'ours'], env)).toMatchObject({
    source: { kind: 'folder', folder: resolve('ours') },
    state: resolve('state'),
    workloads: resolve('state/workloads'),
    stateKeyFile: resolve('seal.key'),
  });
});

test('a kubelet is answered where it is told to ask, and nowhere else', () => {
  expect(configOf(['--folder', 'm']).health).toBeUndefined();
  expect(configOf(['--folder', 'm', '--health', '[::]:15019']).health).toEqual({ address: '::', port: 15_019 });
  expect(problemsOf(['--folder', 'm', '--health', 'here'])).toEqual([expect.stringContaining('--health')]);
});

test('a log begins where it is told to, and an unknown level is told', () => {
  expect(configOf(['--folder', 'm']).logLevel).toBe('info');
  expect(configOf(['--folder', 'm'], { COFFRE_LOG_LEVEL: 'warn' }).logLevel).toBe('warn');
  expect(problemsOf(['--folder', 'm', '--log-level', 'loud'])).toEqual([expect.stringContaining('`loud`')]);
});

test('what is set to nothing counts as not set: an empty folder is not the one we stand in', () => {
  expect(problemsOf(['--folder', ''])).toEqual([expect.stringContaining('no folder to read the mesh from')]);
  expect(problemsOf([], { COFFRE_FOLDER: '' })).toEqual([expect.stringContaining('no folder to read the mesh from')]);
  expect(configOf(['--folder', 'mesh'], { COFFRE_STATE: '', COFFRE_XDS: '' })).toMatchObject({
    state: resolve('.coffre'),
    xds: { port: 15_012 },
  });
});

test('the value cannot be changed', () => {
  expect(Object.isFrozen(configOf(['--folder', 'mesh']))).toBe(true);
});

describe('an address to listen on', () => {
  test.each([
    ['10.0.0.1:443', { address: '10.0.0.1', port: 443 }],
    ['[::1]:15012', { address: '::1', port: 15_012 }],
    ['[fd99::1]:65535', { address: 'fd99::1', port: 65_535 }],
  ])('%s is one', (text, xds) => expect(configOf(['--folder', 'mesh', '--xds', text]).xds).toEqual(xds));

  test.each([
    'localhost:1',
    '::1:15012',
    '10.0.0.1',
    '10.0.0.1:',
    ':80',
    '10.0.0.1:65536',
    '10.0.0.1:0',
    '1.2.3:4',
    '[x]:1',
    ' 10.0.0.1:1',
  ])('%s is none', (text) =>
    expect(problemsOf(['--folder', 'mesh', '--xds', text])).toEqual([expect.stringContaining(`\`${text}\``)]),
  );
});

test('proxies report where they get their configuration from, on a port of its own, unless told otherwise', () => {
  const beside = configOf(['--folder', 'm', '--xds', '10.0.0.1:15012']);
  expect(beside.evidence).toEqual({ address: '10.0.0.1', port: 15_015 });
  const elsewhere = configOf(['--folder', 'm', '--evidence', '[::1]:16000']);
  expect(elsewhere.evidence).toEqual({ address: '::1', port: 16_000 });
  expect(problemsOf(['--folder', 'm', '--evidence', 'here'])).toEqual([expect.stringContaining('--evidence')]);
});

test('authorization workers are a list, refused whole where one is no address', () => {
  const both = { address: '10.0.0.5', port: 15_013 };
  expect(configOf(['--folder', 'm', '--authz', '10.0.0.5:15013,[fd00::5]:15013']).authz).toEqual([
    both,
    { address: 'fd00::5', port: 15_013 },
  ]);
  expect(configOf(['--folder', 'm']).authz).toEqual([]);
  expect(problemsOf(['--folder', 'm', '--authz', '10.0.0.5:15013,worker:1'])).toHaveLength(1);
});

test('a bypass is by user or by mark', () => {
  expect(configOf(['--folder', 'm', '--bypass', 'mark']).bypass).toEqual({ kind: 'mark', mark: expect.any(Number) });
  expect(problemsOf(['--folder', 'm', '--bypass', 'none'])).toEqual([expect.stringContaining('`none`')]);
});

test('every mistake is told at once', () => {
  expect(problemsOf(['--xds', 'here', '--bypass', 'none'])).toHaveLength(3);
});

test('an unknown flag and a stray word are refused', () => {
  expect(problemsOf(['--folder', 'm', '--fodler', 'x'])).toEqual([expect.stringContaining('--fodler')]);
  expect(problemsOf(['--folder', 'm', 'stray'])).toEqual([expect.stringContaining('stray')]);
});

describe('webhooks', () => {
  test('are for clusters: asked for by address, and there by themselves where we are a pod', () => {
    expect(configOf(['--folder', 'm']).webhook).toBeUndefined();
    expect(configOf(['--kube', 'admin.conf']).webhook).toBeUndefined();
    expect(configOf([], { COFFRE_KUBE: 'in-cluster', COFFRE_ENVOY_IMAGE: 'envoy:1' }).webhook).toEqual({
      ...{ at: { address: '0.0.0.0', port: 15_017 }, clients: { kind: 'cluster' }, exempt: [] },
      ...{ envoyImage: 'envoy:1', redirectImage: undefined, unproxied: [], caretakers: [] },
    });
    expect(problemsOf(['--folder', 'm', '--webhook', 'here'])).toEqual([expect.stringContaining('`here`')]);
  });

  test('know API servers by what the cluster says, by a file and names, or not at all', () => {
    const webhook = (...args: string[]) => configOf(['--kube', 'in-cluster', ...args]).webhook;
    expect(webhook('--webhook-clients', 'anyone')?.clients).toEqual({ kind: 'anyone' });
    expect(webhook('--webhook-clients', 'ca.crt', '--webhook-client-names', 'one, two')?.clients).toEqual({
      ...{ kind: 'file', file: resolve('ca.crt'), names: ['one', 'two'] },
    });
    for (const args of [
      ['--webhook-clients', 'ca.crt'],
      ['--webhook-client-names', 'one'],
    ]) {
      expect(problemsOf(['--kube', 'in-cluster', ...args])).toEqual([expect.stringContaining('or neither')]);
    }
  });
});
