/** What a hand slips into: each is told with what, where and what to do next, and nothing is done. `@` is a folder. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderOf, run } from './run-command.ts';

const ten = (name: string) => `[${Array(10).fill(name).join(', ')}]`;
const bomb = `kind: Pod\nspec:\n  a: &a ${ten('x')}\n  b: &b ${ten('*a')}\n  c: &c ${ten('*b')}\n  d: ${ten('*c')}\n`;
const files = {
  'empty.yaml': '',
  'text.yaml': 'just text\n',
  'list.yaml': 'apiVersion: v1\nkind: List\nitems: []\n',
  'broken.yaml': 'a: 1\nb: [\n',
  'bomb.yaml': bomb,
  'values.yaml': 'trustDomain: prod.example\nauthz: { replicas: 2 }\nevidence: { kind: nfs }\n',
};
const nowhere = '@/nowhere';
const question = ['--from', 'a/web', '--to', 'a/api'];

test.each<[sentence: string, args: readonly string[], told: RegExp]>([
  ['a folder that is not there', ['check', nowhere], /nowhere`: the folder cannot be read \(ENOENT\); check that/],
  ['a file in place of a folder', ['analyze', '-f', '@/empty.yaml'], /it is a file: name its folder/],
  ['a question about no folder', ['explain', ...question, '--folder', nowhere], /the folder cannot be read \(ENOENT\)/],
  ['a mesh that was never there', ['up', nowhere, '--state', '@/state'], /nowhere` is no folder; name the folder/],
  ['a format that nobody prints', ['check', '@', '-o', 'xml'], /'xml' is invalid. Allowed choices are text, json/],
  ['no object to inject', ['inject', '-f', '@/empty.yaml', '--dry-run'], /empty.yaml` holds no object; name a file/],
  ['text to inject', ['inject', '-f', '@/text.yaml', '--dry-run'], /holds what is no object of Kubernetes; write/],
  ['a list to inject', ['inject', '-f', '@/list.yaml', '--dry-run'], /a `List`, which is not looked into; write its/],
  ['a bomb to inject', ['inject', '-f', '@/bomb.yaml', '--dry-run'], /repeats too much by aliases; write the/],
  ['a folder to inject', ['inject', '-f', '@', '--dry-run'], /` is a folder; name a file/],
  [
    'YAML that ends early',
    ['inject', '-f', '@/broken.yaml', '--dry-run'],
    /broken.yaml` is no YAML: .*; mend the YAML\n$/,
  ],
  ['a value that cannot be', ['install', '--dry-run', '-f', '@/values.yaml'], /values.yaml:3: evidence.kind: /],
  [
    'values that end early',
    ['install', '--dry-run', '-f', '@/broken.yaml'],
    /broken.yaml:3: this is no YAML: .*; mend/,
  ],
  [
    'a life that is no duration',
    ['grant', 'request', ...question, '--for', '2 parsecs', '--reason', 'x', '-f', '@'],
    /`--for 2 parsecs` is no duration; write/,
  ],
  ['days', ['quarantine', 'a/web', '--reason', 'x', '--for', '9d'], /`9d` is no duration; write minutes or hours/],
])('%s is misuse', async (_sentence, args, told) => {
  const dir = folderOf(files);
  const given = args.map((arg) => arg.replace(/^@/, dir));
  expect(await run(...given)).toMatchObject({ out: '', err: expect.stringMatching(told), code: 2 });
});

test('of an id it is not said that the evidence has none of it where nobody could ask', async () => {
  expect(await run('explain', 'abc', '--state', join(folderOf({}), 'nowhere'))).toMatchObject({
    err: expect.stringMatching(/does not answer at .*nowhere.*--admin ADDRESS:PORT --as DIR`\n$/),
    code: 3,
  });
});

test('what is said of a mesh as a whole names no file and no line', async () => {
  expect((await run('check', folderOf({}))).out).toMatch(/^error: there is no `Mesh` named `default`/);
});
