/** A report as it is asked for, kept, and checked by somebody who has nothing but the file and a key. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createManagementDoor } from '../../src/admin/management-door.ts';
import { FakeDrillEngine } from '../admin/fake-drill-engine.ts';
import { faultMs, sampleRecord } from '../chaos/report/sample-record.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { runAt } from './run-command.ts';

const { drill } = sampleRecord;

function keys(kind: 'ed25519' | 'x25519' = 'ed25519') {
  const { publicKey, privateKey } = kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return { privateKey, pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}

async function world() {
  const state = await temporaryFolder();
  const { privateKey, pem } = keys();
  const drills = new FakeDrillEngine(sampleRecord);
  drills.sign = (text) => sign(null, Buffer.from(text), privateKey).toString('base64');
  const door = createManagementDoor(
    {
      nowMs: () => faultMs,
      view: () => ({ ready: true, snapshot: undefined, xds: '', clients: [], certificateOf: () => undefined }),
      wholeSnapshot: () => undefined,
      rotations: () => undefined,
      confirmLoss: () => ({ kind: 'confirmed', objects: 12 }),
      drills: () => drills,
      proxies: () => undefined,
      evidence: () => undefined,
      workloads: '',
    },
    () => undefined,
    () => undefined,
  );
  onTestFinished(() => door.close());
  await door.listenOnSocket(join(state, 'admin.sock'));
  const key = join(state, 'evidence.pub');
  await writeFile(key, pem);
  return { state, key, drills };
}

function coffre(...args: readonly string[]) {
  return runAt(faultMs, 'drill', ...args);
}

describe('report', () => {
  test.each([
    [[], 'markdown', 'en', /^# Drill `atelier/],
    [['-o', 'md', '--lang', 'fr'], 'markdown', 'fr', /^# Exercice de panne/],
    [['-o', 'html'], 'html', 'en', /^<!doctype html>/],
    [['-o', 'json'], 'json', 'en', /"version": "coffre\.dev\/drill-report\/v1"/],
  ])('is printed as asked for: %j', async (options, form, language, begins) => {
    const { state, drills } = await world();
    const { out, code } = await coffre('report', drill, '--state', state, ...options);
    expect(out).toMatch(begins);
    expect(code).toBe(80);
    expect(drills.asked.map(({ what }) => what)).toEqual([`report ${drill}: ${form} ${language}`]);
  });

  test('into a file has its signature beside it, and nothing of either on the screen', async () => {
    const { state, drills } = await world();
    const file = join(state, 'report.html');
    const { out } = await coffre('report', drill, '--state', state, '-o', 'html', '--out', file);
    expect(out).toBe(`written to ${file}, signed in ${file}.sig\n`);
    const text = await readFile(file, 'utf8');
    expect(await readFile(`${file}.sig`, 'utf8')).toBe(`${drills.sign(text)}\n`);
  });

  test('into a folder that is not there ends with 2', async () => {
    const { state } = await world();
    const told = await coffre('report', drill, '--state', state, '--out', '/nowhere/report.md');
    expect(told).toMatchObject({ code: 2, err: expect.stringMatching(/ENOENT.*check the path/) });
  });

  test.each([
    ['-o', 'pdf'],
    ['--lang', 'de'],
  ])('in a form or a language that is none is refused: %s %s', async (...options) => {
    const { state } = await world();
    expect(await coffre('report', drill, '--state', state, ...options)).toMatchObject({ code: 2 });
  });
});

describe('verify-report', () => {
  async function written() {
    const here = await world();
    const file = join(here.state, 'report.md');
    await coffre('report', drill, '--state', here.state, '--out', file);
    return { ...here, file };
  }

  test('of a report as it was written says so', async () => {
    const { file, key } = await written();
    expect(await coffre('verify-report', file, '--key', key)).toMatchObject({
      code: 0,
      out: expect.stringContaining('is what was signed'),
    });
  });

  test.each([
    ['a word', (text: string) => text.replace('did not hold', 'held')],
    ['a line end', (text: string) => `${text}\n`],
    ['its encoding', (text: string) => `\ufeff${text}`],
  ])('of one in which %s was changed says no', async (_, change) => {
    const { file, key } = await written();
    await writeFile(file, change(await readFile(file, 'utf8')));
    expect(await coffre('verify-report', file, '--key', key)).toMatchObject({
      code: 1,
      out: expect.stringContaining('NOT'),
    });
  });

  test.each([
    ['another key', (here: { key: string }) => writeFile(here.key, keys().pem), 1],
    ['a key of another kind', (here: { key: string }) => writeFile(here.key, keys('x25519').pem), 2],
    ['no key', (here: { key: string }) => writeFile(here.key, 'mesh.test'), 2],
    ['a signature that is none', (here: { file: string }) => writeFile(`${here.file}.sig`, 'c2lnbmVk\n'), 1],
    ['an empty signature', (here: { file: string }) => writeFile(`${here.file}.sig`, ''), 1],
  ])('with %s says no', async (_, harm, code) => {
    const here = await written();
    await harm(here);
    expect(await coffre('verify-report', here.file, '--key', here.key)).toMatchObject({ code });
  });

  test('without a signature ends with 2, and with one from elsewhere reads that', async () => {
    const { file, key, state } = await written();
    const elsewhere = join(state, 'elsewhere');
    await writeFile(elsewhere, await readFile(`${file}.sig`));
    await writeFile(`${file}.sig`, '');
    expect(await coffre('verify-report', file, '--key', key, '--sig', elsewhere)).toMatchObject({ code: 0 });
    expect(await coffre('verify-report', file, '--key', key, '--sig', join(state, 'none'))).toMatchObject({ code: 2 });
  });
});
