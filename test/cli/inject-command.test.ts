/** `coffre inject`: every kind that makes pods, what is refused, and what stays as its author wrote it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { folderOf, run } from './run-command.ts';

const restricted = 'securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}';
const pod = (indent: string, more = '') =>
  ['spec:', '  # what it is for', '  containers:', `    - {name: web, image: web:1, ${restricted}${more}}`]
    .map((line) => indent + line)
    .join('\n');
const template = (kind: string) =>
  `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: web, namespace: shop}\nspec:\n  template:\n${pod('    ')}\n`;
const cronJob = `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web}\nspec:\n  jobTemplate:\n    spec:\n      template:\n${pod('        ')}\n`;

async function inject(text: string, ...more: readonly string[]) {
  const file = join(folderOf({ 'it.yaml': text }), 'it.yaml');
  return run('inject', '-f', file, '--dry-run', ...more);
}

test.each(['Deployment', 'StatefulSet', 'DaemonSet', 'Job'])(
  'the pod of a %s gets its sidecar, and a comment stays',
  async (kind) => {
    const { out, err, code } = await inject(template(kind), '--envoy-image', 'envoy:mine');
    expect([err, code]).toEqual(['', 0]);
    const { spec } = parse(out).spec.template;
    expect(spec.initContainers.map(({ name }: { name: string }) => name)).toEqual([
      'coffre-redirect',
      'coffre-sidecar',
    ]);
    expect(spec.initContainers[1].image).toBe('envoy:mine');
    expect(out).toContain('# what it is for');
  },
);

test('`-f -` reads standard input, to its end and not a file of that name, and answers as of a file', async () => {
  const text = template('Deployment');
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const child = spawn(process.execPath, [main, 'inject', '-f', '-', '--dry-run'], { cwd: folderOf({ '-': '{' }) });
  const ended = once(child, 'close');
  // In two writes, as a slow `kubectl get` would.
  child.stdin.write(text.slice(0, 40));
  child.stdin.end(text.slice(40));
  const [out, err] = await Promise.all([readAll(child.stdout), readAll(child.stderr)]);
  expect({ out, err, code: (await ended)[0] }).toEqual(await inject(text));
});

test('what is injected is injected once, and several objects stay several', async () => {
  const both = `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n${pod('')}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\n${cronJob}`;
  const once = await inject(both);
  expect(await inject(once.out)).toEqual(once);
  const [first, second, third] = parseAllDocuments(once.out).map((document) => document.toJS());
  expect(first.spec.initContainers).toHaveLength(2);
  expect(second).toEqual({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } });
  expect(third.spec.jobTemplate.spec.template.spec.initContainers).toHaveLength(2);
});

test('a pod that would be refused is told with its reason, printed as it was, and ends in 1', async () => {
  const text = `kind: Pod\nmetadata: {name: web, namespace: shop}\n${pod('')}\n  hostNetwork: true\n`;
  const { out, err, code } = await inject(text);
  expect(code).toBe(1);
  expect(err).toContain('Pod/shop/web:1: spec.hostNetwork: ');
  expect(parse(out)).toEqual(parse(text));
  expect((await inject('kind: Deployment\nmetadata: {name: web}\n')).err).toContain('Pod/default/web:1: spec.template');
});

test('what is no YAML, and a missing `--dry-run`, are misuse', async () => {
  expect((await inject('{')).code).toBe(2);
  const { err, code } = await run('inject', '-f', 'x');
  expect([code, err]).toEqual([2, expect.stringContaining('--dry-run')]);
});
