/** `coffre explain` for who has no id, and of what no rule refused. */
import { expect, test } from 'vitest';
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import { sampleEvents, sampleMs } from '../evidence/event-of-each-kind.ts';
import { MemoryEvidence } from '../evidence/memory-evidence.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, atelierPolicy, twoTenants } from '../fixtures/two-tenants.ts';
import { doorOf } from './door-of.ts';
import { runAt } from './run-command.ts';

const mesh = meshFrom(
  documents(
    twoTenants,
    atelierPolicy('{ allow: [{ to: { headers: [{ name: x-team, exact: red }], hosts: [api] } }] }'),
  ),
);
const { denial } = sampleEvents;
const api = { workload: 'atelier/api-1', address: '10.1.0.2:8080', port: 8_080 };

async function explain(events: readonly EvidenceEvent[], ...args: readonly string[]) {
  const evidence = new MemoryEvidence();
  evidence.keep(...events);
  const state = await doorOf(mesh, sampleMs, evidence);
  return runAt(sampleMs, 'explain', ...args, '--state', state);
}

const between = ['--from', atelier.web, '--to', 'atelier/api:80'];

test('of the refusals of a caller the last one on the way to the destination is told', async () => {
  const from = { identity: atelier.web };
  const events = [
    { ...denial, id: 'd:a:1', decision: 'a', from, to: api },
    { ...denial, id: 'd:b:1', decision: 'b', atMs: denial.atMs + 1, from, to: api },
    { ...denial, id: 'd:c:1', decision: 'c', atMs: denial.atMs + 2, from, to: { ...api, workload: 'atelier/web-1' } },
  ];
  const { out, code } = await explain(events, ...between);
  expect(code).toBe(1);
  expect(out).toMatch(/^last refused: decision b, /);
  expect(out.match(/last refused/g)).toHaveLength(1);
  const { last, verdict } = JSON.parse((await explain(events, ...between, '-o', 'json')).out);
  expect([last.id, verdict]).toEqual(['b', 'deny']);
});

test('without one it answers the question alone', async () => {
  expect((await explain([], ...between)).out).toMatch(/^DENIED: /);
});

test('host and headers of the question reach the judge at the door', async () => {
  const asked = async (...more: readonly string[]) => (await explain([], ...between, ...more)).code;
  expect(await asked('--host', 'API:80', '--header', 'X-Team: red')).toBe(0);
  expect(await asked('--host', 'api', '--header', 'x-team: blue')).toBe(1);
  expect(await asked('--header', 'x-team: red')).toBe(1);
});

test('a header without a name is misuse', async () => {
  expect(await explain([], ...between, '--header', 'red')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/no header/),
  });
});

test.each([
  [
    { ...denial, by: 'proxy', reason: 'http1.codec_error', to: api },
    /Envoy refused the form .* \(http1\.codec_error\)/,
  ],
  [sampleEvents['plaintext-attempt'], /spoke no TLS to .*\n {2}what would mend it: no rule lets plaintext in/],
  [sampleEvents['handshake-failure'], /came to nothing \(its certificate is not of the tenant/],
  [
    sampleEvents['breaker-overflow'],
    /answered in place of .*: .*\n {2}what would mend it: no access rule opens a breaker/,
  ],
] as const)('of what no rule refused it says what it means, and judges nobody: %#', async (event, told) => {
  const { out, code } = await explain([event], event.id);
  expect(code).toBe(1);
  expect(out).toMatch(told);
  expect(out).not.toContain('DENIED');
});
