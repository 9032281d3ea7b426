/** What is remembered on disk is what was known, byte for byte, or it is refused. */
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { DeltaDiscoveryResponseSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { StateFolder } from '../../src/identity/state-folder.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import {
  bookOf,
  decodeIdentity,
  decodeProgram,
  fromRecord,
  type Knowledge,
  toRecord,
} from '../../src/verdict/knowledge.ts';
import { KnowledgeKeeper } from '../../src/verdict/knowledge-keeper.io.ts';
import { type Decode, type Holdings, nothingHeld, takeResponse } from '../../src/xds/delta-holdings.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { identityResource, programResources, type SentResource } from './programs-of.ts';

function holding<T>(decode: Decode<T>, systemVersionInfo: string, resources: readonly SentResource[]): Holdings<T> {
  const response = create(DeltaDiscoveryResponseSchema, { systemVersionInfo, resources: [...resources] });
  const taken = takeResponse<T>(nothingHeld(), response, decode);
  return taken.kind === 'ack' ? taken.holdings : expect.fail(taken.why);
}

const known: Knowledge = {
  programs: holding(decodeProgram, 'r1', programResources(meshFrom(twoTenants), 'v1')),
  identities: holding(decodeIdentity, 'r1', [identityResource('certificate', 'key')]),
  confirmedAtMs: 1_800_000_000_000,
};

async function keeper(state?: string) {
  const folder = state ?? (await temporaryFolder());
  const failures: unknown[] = [];
  const opened = await KnowledgeKeeper.open(folder, systemPorts.entropy, (cause) => failures.push(cause));
  return { keeper: opened, folder, failures, path: join(folder, 'knowledge.sealed') };
}

async function kept(knowledge = known) {
  const all = await keeper();
  all.keeper.keep(knowledge);
  await all.keeper.settled();
  return all;
}

test('knowledge survives its record, programs and certificate and age', () => {
  const text = JSON.stringify(toRecord(known));
  expect(fromRecord(JSON.parse(text))).toEqual(known);
  expect(bookOf(known)?.programs.size).toBe(5);
});

test('a record of which anything is missing, or of another version, is nothing', () => {
  const record = toRecord(known);
  const held = record.programs.held.map((each) => ({ ...each, name: 'atelier/another' }));
  for (const other of [
    undefined,
    {},
    { ...record, version: 2 },
    { ...record, confirmedAtMs: '1' },
    { ...record, programs: undefined },
    { ...record, programs: { ...record.programs, held } },
    { ...record, identities: record.programs },
  ]) {
    expect(fromRecord(other)).toBeUndefined();
  }
});

test('what was kept is recalled by the next process', async () => {
  const { folder, failures } = await kept();
  const { keeper: next } = await keeper(folder);
  expect(await next.recall()).toEqual({ kind: 'knowledge', knowledge: known });
  expect(failures).toEqual([]);
});

test('of what is kept in quick succession the last is there', async () => {
  const { keeper: writing } = await keeper();
  for (let confirmedAtMs = 1; confirmedAtMs <= 50; confirmedAtMs += 1) writing.keep({ ...known, confirmedAtMs });
  await writing.settled();
  expect(await writing.recall()).toMatchObject({ knowledge: { confirmedAtMs: 50 } });
});

test('an empty folder remembers nothing, and that is no refusal', async () => {
  expect(await (await keeper()).keeper.recall()).toEqual({ kind: 'nothing' });
});

test('no key is readable in the record, and nobody else may read the folder', async () => {
  const { path } = await kept();
  expect((await readFile(path)).includes(Buffer.from('certificate'))).toBe(false);
});

test('a record with one altered byte is refused, wherever it is', async () => {
  const { keeper: reading, path } = await kept();
  const whole = await readFile(path);
  const places = [...Array(64).keys(), ...Array.from({ length: 64 }, (_, n) => Math.floor((n * whole.length) / 64))];
  for (const place of [...places, whole.length - 1]) {
    const altered = Buffer.from(whole);
    altered.writeUInt8(whole.readUInt8(place) ^ 0x10, place);
    await writeFile(path, altered);
    expect(await reading.recall(), `byte ${place}`).toMatchObject({ kind: 'refused' });
  }
  await writeFile(path, whole);
  expect(await reading.recall()).toMatchObject({ kind: 'knowledge' });
});

test.for([0, 1, 44, 500])('a record cut to %i bytes is refused', async (length) => {
  const { keeper: reading, path } = await kept();
  await writeFile(path, (await readFile(path)).subarray(0, length));
  expect(await reading.recall()).toMatchObject({ kind: 'refused', why: expect.stringContaining('damaged') });
});

test('a record of another worker’s folder is refused', async () => {
  const [one, other] = [await kept(), await kept()];
  await writeFile(one.path, await readFile(other.path));
  expect(await one.keeper.recall()).toMatchObject({ kind: 'refused' });
});

test('a whole record of another version is refused as such', async () => {
  const { folder, keeper: reading } = await keeper();
  const state = await StateFolder.open(folder, undefined, systemPorts.entropy);
  await state.write('knowledge', { ...toRecord(known), version: 2 });
  expect(await reading.recall()).toEqual({ kind: 'refused', why: 'the record is of another version' });
});

test('a write that fails is reported, and the next one is tried', async () => {
  const { keeper: writing, folder, failures, path } = await kept();
  await rm(folder, { recursive: true });
  await writeFile(folder, 'a file where the folder was');
  writing.keep({ ...known, confirmedAtMs: 1 });
  await writing.settled();
  expect(failures).toHaveLength(1);

  await rm(folder);
  writing.keep({ ...known, confirmedAtMs: 2 });
  await writing.settled();
  expect(failures).toHaveLength(1);
  expect(await readdir(folder)).toEqual(['knowledge.sealed']);
  expect((await readFile(path)).length).toBeGreaterThan(0);
});

test('a folder that cannot be used stops the start', async () => {
  const { folder } = await kept();
  await chmod(join(folder, 'seal.key'), 0o644);
  await expect(keeper(folder)).rejects.toMatchObject({ code: 'permissions' });
});
