/** A real folder and real events: each test changes files and waits for what is told, never for a time. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FolderContents } from '../../src/folder/folder-state.ts';
import { loadFolder, watchFolder, watchFolderDefaults } from '../../src/folder/watch-folder.ts';
import { policy, service, tenant } from '../model/written.ts';

let parent = '';
let dir = '';
let abort = new AbortController();

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'folder-'));
  dir = join(parent, 'mesh');
  mkdirSync(dir);
  abort = new AbortController();
});

afterEach(() => {
  abort.abort();
  rmSync(parent, { recursive: true, force: true });
});

/** Follows the folder; `until` resolves with the first contents, past or to come, that satisfy the wish. */
function follow({ rescanMs = 1_000 } = {}) {
  const seen: FolderContents[] = [];
  let wake = () => {};
  const done = watchFolder(
    dir,
    { ...watchFolderDefaults, settleMs: 30, rescanMs },
    (contents) => {
      seen.push(contents);
      wake();
    },
    abort.signal,
  );
  const until = async (wish: (contents: FolderContents) => boolean): Promise<FolderContents> => {
    for (;;) {
      const last = seen.at(-1);
      if (last !== undefined && wish(last)) return last;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { seen, until, done };
}

const ids = ({ objects }: FolderContents): string => objects.map(({ id }) => id).join(' ');
const codes = ({ problems }: FolderContents): string =>
  problems.map(({ code, where }) => `${code} ${where.file}`).join(' ');

test('a file written, changed and removed is told each time, below any folder', async () => {
  const { until, done } = follow();
  await until((contents) => ids(contents) === '');
  mkdirSync(join(dir, 'deep', 'er'), { recursive: true });
  writeFileSync(join(dir, 'deep', 'er', 'shop.yml'), tenant('shop'));
  await until((contents) => ids(contents) === 'Tenant//shop');
  appendFileSync(join(dir, 'deep', 'er', 'shop.yml'), `---\n${tenant('bank')}`);
  await until((contents) => ids(contents) === 'Tenant//shop Tenant//bank');
  rmSync(join(dir, 'deep'), { recursive: true });
  await until((contents) => ids(contents) === '');
  abort.abort();
  await done;
});

test('an editor that truncates, or renames a copy over the file, never shows a mesh without it', async () => {
  const file = join(dir, 'a.yaml');
  writeFileSync(file, tenant('shop'));
  const { seen, until } = follow();
  await until((contents) => ids(contents) === 'Tenant//shop');
  writeFileSync(file, '');
  writeFileSync(file, tenant('shop', 'test'));
  await until(({ objects }) => JSON.stringify(objects).includes('"environment":"test"'));
  writeFileSync(join(dir, '.a.yaml.swp'), tenant('shop', 'stage'));
  renameSync(join(dir, '.a.yaml.swp'), file);
  await until(({ objects }) => JSON.stringify(objects).includes('"environment":"stage"'));
  expect(new Set(seen.map(ids))).toEqual(new Set(['Tenant//shop']));
});

test('every copy that is renamed over a file is told by its event, in the folder and below it', async () => {
  mkdirSync(join(dir, 'shop'));
  // A look by the clock would come after the test's own end.
  const { until } = follow({ rescanMs: 600_000 });
  for (let turn = 0; turn < 6; turn += 1) {
    for (const file of ['a.yaml', join('shop', 'b.yaml')]) {
      const name = `t${turn}-${file.length}`;
      writeFileSync(join(dir, `${file}.tmp`), tenant(name));
      renameSync(join(dir, `${file}.tmp`), join(dir, file));
      await until((contents) => ids(contents).includes(name));
    }
  }
});

test('a broken file is told, keeps its last good state, and is mended', async () => {
  const file = join(dir, 'a.yaml');
  writeFileSync(file, policy('shop', 'p', 'deny: [{}]'));
  const { until } = follow();
  await until((contents) => ids(contents) === 'AccessPolicy/shop/p');
  writeFileSync(file, 'deny: [');
  const broken = await until((contents) => codes(contents).includes('yaml-syntax a.yaml'));
  expect(ids(broken)).toBe('AccessPolicy/shop/p');
  writeFileSync(file, service('shop', 'api', '10.96.1.1', { app: 'api' }));
  await until((contents) => codes(contents) === '' && ids(contents) === 'Service/shop/api');
});

test('a folder that is removed takes nothing away, and is followed again when it is back', async () => {
  writeFileSync(join(dir, 'a.yaml'), tenant('shop'));
  const { until } = follow();
  await until((contents) => ids(contents) === 'Tenant//shop');
  renameSync(dir, join(parent, 'away'));
  const gone = await until((contents) => codes(contents) === 'file-unreadable ');
  expect(ids(gone)).toBe('Tenant//shop');
  mkdirSync(dir);
  writeFileSync(join(dir, 'b.yaml'), tenant('bank'));
  await until((contents) => ids(contents) === 'Tenant//bank' && codes(contents) === '');
  writeFileSync(join(dir, 'c.yaml'), tenant('shop'));
  await until((contents) => ids(contents) === 'Tenant//bank Tenant//shop');
});

test('links out of the folder, pipes, bytes that are no text and giants are told, and the others are read', async () => {
  writeFileSync(join(parent, 'outside.yaml'), tenant('outside'));
  symlinkSync(join(parent, 'outside.yaml'), join(dir, 'a-link.yaml'));
  writeFileSync(join(dir, 'bytes.yaml'), Buffer.from([0x61, 0xff]));
  mkdirSync(join(dir, 'folder.yaml'));
  writeFileSync(join(dir, 'giant.yaml'), Buffer.alloc(4 * 1_024 * 1_024 + 1, 0x20));
  execFileSync('mkfifo', [join(dir, 'pipe.yaml')]);
  writeFileSync(join(dir, '.hidden.yaml'), tenant('hidden'));
  writeFileSync(join(dir, 'z.yaml'), tenant('shop'));
  symlinkSync('z.yaml', join(dir, 'inside.txt'));
  const contents = await loadFolder(dir);
  expect(ids(contents)).toBe('Tenant//shop');
  expect(codes(contents)).toBe(
    'file-unreadable a-link.yaml yaml-syntax bytes.yaml file-too-large giant.yaml file-unreadable pipe.yaml',
  );
});

test('a file that is gone between the listing and the look is no file, and no problem', async () => {
  // A link that leads nowhere is listed and cannot be opened, as a file that was removed in between.
  symlinkSync('removed.yaml', join(dir, 'listed.yaml'));
  writeFileSync(join(dir, 'z.yaml'), tenant('shop'));
  const contents = await loadFolder(dir);
  expect(ids(contents)).toBe('Tenant//shop');
  expect(codes(contents)).toBe('');
});

test('a folder that is not there is a problem, not an exception', async () => {
  expect(codes(await loadFolder(join(parent, 'nowhere')))).toBe('file-unreadable ');
});

test('a file whose name is no UTF-8 is told of, where it would otherwise be read by nobody', async () => {
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/m`), Buffer.of(0xfc), Buffer.from('ller.yaml')]), tenant('shop'));
  expect(codes(await loadFolder(dir))).toBe('file-unreadable m\ufffdller.yaml');
});
