/** What may be said of an installation, and what comes of it: without any cluster. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { table } from '../../../src/cli/table.ts';
import { controlPlaneNodeFlags } from '../../../src/config.ts';
import { defaultValues } from '../../../src/kube/install/default-values.ts';
import { installation } from '../../../src/kube/install/installation.ts';
import { readValues } from '../../../src/kube/install/read-values.ts';
import { roomNamespaceRules, roomRules } from '../../../src/kube/install/roles.ts';
import type { PolicyRule } from '../../../src/kube/policy-rule.ts';
import { folderOf, run } from '../../cli/run-command.ts';
import { hostile, variations } from './values-of-tests.ts';

const root = join(import.meta.dirname, '../../..');

describe('values', () => {
  test.each(hostile)('%s is refused with its path and what to do', (text, path) => {
    const read = readValues(text, 'values.yaml');
    expect(read).toMatchObject({ kind: 'refused', problems: [{ path, where: { file: 'values.yaml' } }] });
    expect(read.kind === 'refused' && read.problems[0]?.advice).toMatch(/./);
  });

  test('what is no values at all is refused as what it is', () => {
    const codes = ['{', '- 1', 'a: &a 1\nb: *a', ' '.repeat(300_000)].map((text) => {
      const read = readValues(text, 'values.yaml');
      return read.kind === 'refused' && read.problems[0]?.code;
    });
    expect(codes).toEqual(['yaml-syntax', 'not-an-object', 'alias-bomb', 'file-too-large']);
  });

  test('a prototype cannot be written over', () => {
    expect(readValues('__proto__: { polluted: true }', 'v')).toMatchObject({ problems: [{ path: '__proto__' }] });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test.each(Object.entries(variations))('%s is an installation', (_name, text) => {
    expect(readValues(text, 'values.yaml')).toMatchObject({ kind: 'ok' });
  });

  test('what is said of one limit leaves the others', () => {
    const read = readValues('authz: { resources: { limits: { memory: 1Gi } } }', 'v');
    const { requests } = defaultValues.authz.resources;
    expect(read).toMatchObject({
      values: { authz: { replicas: 2, resources: { requests, limits: { memory: '1Gi' } } } },
    });
  });
});

describe('the objects', () => {
  test('they are what is told about this program elsewhere', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(defaultValues.images.coffre).toBe(`coffre:${version}`);
    const set = installation(defaultValues).find(({ kind }) => kind === 'StatefulSet');
    expect(set).toMatchObject({
      spec: { template: { spec: { containers: [{ args: expect.arrayContaining([...controlPlaneNodeFlags]) }] } } },
    });
  });

  test('what judges the writes of others comes last, and no object twice', () => {
    const objects = installation(defaultValues);
    const first = objects.findIndex(({ kind }) => kind?.endsWith('WebhookConfiguration'));
    expect(objects.slice(first).every(({ kind }) => kind?.endsWith('WebhookConfiguration'))).toBe(true);
    const names = objects.map(({ kind, metadata: { namespace, name } }) => [kind, namespace, name].join('/'));
    expect(new Set(names).size).toBe(names.length);
  });

  test('the rights of the control plane are those that its rooms ask for: each of them, and no others', async () => {
    const files = readdirSync(join(root, 'src/kube'), { recursive: true, encoding: 'utf8' });
    const asked = { cluster: new Set<unknown>(), namespace: new Set<unknown>() };
    for (const file of files.filter((name) => name.endsWith('.ts') && !name.startsWith('install/'))) {
      const text = readFileSync(join(root, 'src/kube', file), 'utf8');
      for (const [, name = ''] of text.matchAll(/^export const (\w+Rules): readonly PolicyRule\[\]/gm)) {
        const { [name]: rules } = (await import(join(root, 'src/kube', file))) as Record<string, unknown>;
        (name.endsWith('NamespaceRules') ? asked.namespace : asked.cluster).add(rules);
      }
    }
    expect(new Set(Object.values(roomRules))).toEqual(asked.cluster);
    expect(new Set(Object.values(roomNamespaceRules))).toEqual(asked.namespace);
  });
});

test('every right that is granted to anybody is a line of a golden file', async () => {
  const lines = installation(defaultValues).flatMap((object) => {
    const rules = (object['rules'] ?? []) as readonly PolicyRule[];
    if (object.kind !== 'ClusterRole' && object.kind !== 'Role') return [];
    return rules.flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          resourceNames.map((name) => [
            [object.kind, object.metadata.name].join('/'),
            group === '' ? resource : `${resource}.${group}`,
            name,
            verbs.join(' '),
          ]),
        ),
      ),
    );
  });
  const rows = lines.toSorted((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1));
  await expect(table(['role', 'resource', 'name', 'verbs'], rows)).toMatchFileSnapshot('golden/rights.txt');
});

describe('`coffre install --dry-run`', () => {
  test('it prints the objects in the order in which they are applied, and names images that can change', async () => {
    const { out, err, code } = await run('install', '--dry-run');
    expect(code).toBe(0);
    expect(parseAllDocuments(out).map((document) => document.toJS())).toEqual(installation(defaultValues));
    expect(err.match(/names no digest/g)).toHaveLength(3);
  });

  test('it refuses values that are none, with their file, and prints nothing', async () => {
    const file = join(folderOf({ 'v.yaml': 'authz: { replicas: many }' }), 'v.yaml');
    const { out, err, code } = await run('install', '--dry-run', '-f', file);
    expect({ out, code }).toEqual({ out: '', code: 2 });
    expect(err).toContain('v.yaml:1: authz.replicas: ');
  });
});
