/** Building the Kubernetes of the tests, with a Go that only pretends: what is built, what is believed, what is said. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setUpKube } from '../../../tools/setup/kube.mjs';

const path = process.env['PATH'];
let repo = '';
let lines: string[] = [];
const progress = {
  line: (text: string) => void lines.push(text),
  failure: (text: string) => void lines.push(text),
  step: async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    lines.push(name);
    return work();
  },
};
const programs = ['etcd', 'kubectl', 'kube-apiserver', 'kube-controller-manager', 'helm'];

beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'coffre-go-'));
  lines = [];
  module('tools/kube/etcd', 'require go.etcd.io/etcd/server/v3 v3.6.16 // indirect\n');
  module('tools/kube/kubernetes', 'require (\n\tk8s.io/kubernetes v1.36.3\n)\n');
  module('tools/kube/helm', 'require helm.sh/helm/v4 v4.2.3 // indirect\n');
  mkdirSync(join(repo, '.cache'));
  pretend(
    'case $PWD in */etcd) says="etcd Version: 3.6.16";; */helm) says="v4.2.3";; *) says="Kubernetes v1.36.3";; esac',
  );
  process.env['PATH'] = `${join(repo, 'bin')}:${path}`;
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(repo, { recursive: true, force: true });
});

function module(folder: string, text: string): void {
  mkdirSync(join(repo, folder), { recursive: true });
  writeFileSync(join(repo, folder, 'go.mod'), text);
}

/** @param choice sets `$says`, which is what a program that is built will say of itself. */
function pretend(choice: string): void {
  mkdirSync(join(repo, 'bin'), { recursive: true });
  const lines = [
    '#!/bin/sh',
    'if [ "$1" = version ]; then echo "go version go1.26.9 linux/amd64"; exit; fi',
    choice,
    'while [ "$1" != -o ]; do shift; done',
    'printf \'#!/bin/sh\\necho "%s"\\n\' "$says" > "$2"',
    'chmod +x "$2"',
  ];
  writeFileSync(join(repo, 'bin/go'), `${lines.join('\n')}\n`);
  chmodSync(join(repo, 'bin/go'), 0o755);
}

test('each program is built once, in the version that its module pins', async () => {
  await setUpKube(repo, progress);
  expect(lines).toEqual([
    'etcd v3.6.16, from source',
    'kubectl v1.36.3, from source',
    'kube-apiserver v1.36.3, from source',
    'kube-controller-manager v1.36.3, from source',
    'helm v4.2.3, from source',
  ]);
  expect(programs.filter((name) => existsSync(join(repo, '.cache/kube', name)))).toEqual(programs);
  lines = [];
  await setUpKube(repo, progress);
  expect(lines).toEqual([]);
});

test('another pinned version is built anew', async () => {
  await setUpKube(repo, progress);
  lines = [];
  module('tools/kube/etcd', 'require go.etcd.io/etcd/server/v3 v3.6.17\n');
  pretend('says=3.6.17');
  await setUpKube(repo, progress);
  expect(lines).toEqual(['etcd v3.6.17, from source']);
  expect(readFileSync(join(repo, '.cache/kube/etcd'), 'utf8')).toContain('3.6.17');
});

test('a program that is not what its module pins is not kept', async () => {
  pretend('says="v1.20.0"');
  await setUpKube(repo, progress);
  expect(lines.at(-1)).toMatch(/^note: .* tests will be skipped: `etcd` is not v3.6.16 but says: v1.20.0/);
  expect(existsSync(join(repo, '.cache/kube/etcd'))).toBe(false);
});

test('a build that fails is one note with its last words, and nobody’s lock', async () => {
  pretend('echo "no space left" >&2; exit 1');
  await setUpKube(repo, progress);
  expect(lines.at(-1)).toMatch(/^note: .* `etcd` could not be built\n.*no space left/s);
  pretend('case $PWD in */etcd) says=3.6.16;; */helm) says=v4.2.3;; *) says=v1.36.3;; esac');
  await setUpKube(repo, progress);
  expect(existsSync(join(repo, '.cache/kube/kubectl'))).toBe(true);
});
