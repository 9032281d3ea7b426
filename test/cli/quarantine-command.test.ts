/** `coffre quarantine`, against a door whose quarantines are kept in memory. */
import { beforeEach, expect, test } from 'vitest';
import { standingAt } from '../../src/model/quarantine.ts';
import { quarantineWorld } from '../admin/quarantine-world.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { quarantined } from '../fixtures/random-quarantines.ts';
import { atelier, twoTenants } from '../fixtures/two-tenants.ts';
import { doorOf } from './door-of.ts';
import { run, type Said } from './run-command.ts';

/** That of commands under test. */
const nowMs = Date.UTC(2027, 0, 1);
const mesh = meshFrom(twoTenants);
let quarantine: (...args: readonly string[]) => Promise<Said>;

beforeEach(async () => {
  const { desk } = await quarantineWorld(mesh, nowMs);
  const state = await doorOf(mesh, nowMs, undefined, undefined, desk);
  quarantine = (...args) => run('quarantine', '--state', state, ...args);
});

test('it begins, is listed, and is released', async () => {
  expect(await quarantine('atelier/web', '--reason', 'malware')).toEqual({
    out: `${atelier.web} is cut off every peer until 2027-01-02T00:00:00.000Z\n`,
    err: '',
    code: 0,
  });
  const { out } = await quarantine('--list');
  for (const word of [atelier.web, 'owner', 'malware', '2027-01-02T00:00:00.000Z']) expect(out).toContain(word);
  expect((await quarantine('atelier/web', '--release')).out).toBe(`${atelier.web} is released\n`);
  expect((await quarantine('--list')).out).toBe('nobody is under quarantine\n');
});

test.each([
  ['--for', '90m', nowMs + 5_400_000],
  ['--until', '2027-01-08T00:00:00Z', Date.UTC(2027, 0, 8)],
])('%s %s is its end, in JSON too', async (flag, text, untilMs) => {
  const begun = await quarantine('atelier/web', '--reason', 'malware', flag, text, '-o', 'json');
  expect(JSON.parse(begun.out)).toMatchObject({ begun: true, quarantine: { spiffeId: atelier.web, untilMs } });
  const listed = await quarantine('--list', '-o', 'json');
  expect(JSON.parse(listed.out)).toMatchObject([{ spiffeId: atelier.web, untilMs }]);
});

test.each([
  ['without a workload', [], 2, '--list'],
  ['without a reason', ['atelier/web'], 2, '--reason'],
  ['for no duration', ['atelier/web', '--reason', 'r', '--for', 'long'], 2, '90m'],
  ['until no moment', ['atelier/web', '--reason', 'r', '--until', 'soon'], 2, '2027-01-31'],
  ['both for and until', ['atelier/web', '--reason', 'r', '--for', '1h', '--until', '2027-01-02T00:00:00Z'], 2, ''],
  ['for too long', ['atelier/web', '--reason', 'r', '--for', '1000h'], 1, 'days'],
  ['of an identity of no workload', ['atelier/ghost', '--reason', 'r'], 1, 'coffre status'],
  ['released, where none stands', ['atelier/web', '--release'], 1, '--list'],
])('%s it is refused with what to do', async (_, args, code, advice) => {
  const said = await quarantine(...args);
  expect(said).toMatchObject({ out: '', code });
  expect(said.err).toContain(advice);
});

test('`coffre status` shows those that stand, and a workload under one gets no files to start with', async () => {
  const snapshot = { ...mesh, quarantines: standingAt([quarantined('atelier', 'web', nowMs + 1)], nowMs) };
  const state = await doorOf(snapshot, nowMs);
  const { out } = await run('status', '--state', state);
  expect(out).toContain(`quarantine: ${atelier.web} until 2027-01-01T00:00:00.001Z, by edr: an alarm`);
  const files = await run('proxy', 'bootstrap', 'atelier/web-1', '--state', state, '--out', `${state}/files`);
  expect(files.err).toContain('under quarantine');
  expect(files.code).toBe(1);
});
