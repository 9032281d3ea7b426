/** `coffre events`, `tap`, `top` and `explain ID` as a person and as a script type them, against a door with evidence behind it. */
import { describe, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { printable } from '../../src/cli/table.ts';
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import { sampleEvents, sampleMs } from '../evidence/event-of-each-kind.ts';
import { undeclared } from '../evidence/event-samples.ts';
import { MemoryEvidence } from '../evidence/memory-evidence.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { doorOf } from './door-of.ts';

const everything = Object.values(sampleEvents);
const mesh = meshFrom(twoTenants);

async function world(...events: readonly EvidenceEvent[]) {
  const evidence = new MemoryEvidence();
  evidence.keep(...events);
  const state = await doorOf(mesh, sampleMs, evidence, 'alix');
  return { evidence, state, stop: new AbortController(), heard: (_: string) => {} };
}

type World = Awaited<ReturnType<typeof world>>;

async function coffre(here: World, ...args: readonly string[]) {
  let [out, err, code] = ['', '', 0];
  await runProgram([...args, '--state', here.state], {
    out: (text) => {
      out += text;
      here.heard(text);
    },
    err: (text) => {
      err += text;
    },
    setExitCode: (exit) => {
      code = exit;
    },
    nowMs: () => sampleMs + 60_000,
    signal: here.stop.signal,
  });
  return { out, err, code };
}

describe('events', () => {
  test('tells one event of every kind in a line each, newest last', async () => {
    const { out, code } = await coffre(await world(...everything), 'events');
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(everything.length + 1);
    await expect(out).toMatchFileSnapshot('golden/events.txt');
  });

  test('a refusal leads to its explanation', async () => {
    const { err } = await coffre(await world(...everything), 'events');
    expect(err).toBe('why was it denied? coffre explain 1f0c\n');
  });

  test.each([
    ['a kind', ['--kind', 'nack', '--kind', 'ack'], ['ack:11', 'nack:12']],
    ['a tenant', ['--tenant', 'shop'], ['b:6', 'e:7']],
    ['a verdict', ['--verdict', 'allow'], ['d:2a']],
    ['a moment long ago', ['--since', '2026-11-22T04:30:00.160Z'], ['store:17', 'loss:18']],
    ['how long ago', ['--since', '1m', '--until', '2026-11-22T04:30:00.010Z'], ['d:1f0c']],
    ['the id of a decision', ['2a'], ['d:2a']],
    ['a number', ['--limit', '2'], ['store:17', 'loss:18']],
  ])('%s narrows them', async (_, flags, ids) => {
    const { out } = await coffre(await world(...everything), 'events', '-o', 'json', ...flags);
    const found = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).event.id);
    expect(found).toEqual(ids);
  });

  test('an id that nothing has is answered so, with exit 1', async () => {
    const { out, err, code } = await coffre(await world(...everything), 'events', 'nobody');
    expect({ out, code }).toEqual({ out: '', code: 1 });
    expect(err).toContain('no such event is kept');
  });

  test.each([
    [['--kind', 'rumour'], 'no such kind'],
    [['--since', 'lately'], 'no moment'],
    [['--limit', '0'], 'no number'],
    [['--limit', '1001'], 'no number'],
  ])('%j is misuse', async (flags, told) => {
    const { err, code } = await coffre(await world(), 'events', ...flags);
    expect(code).toBe(2);
    expect(err).toContain(told);
  });

  test('what a peer chose gives the terminal no orders', async () => {
    const { denial } = sampleEvents;
    const request = { ...denial.request, host: '', method: 'GET', status: 403, path: '/\u001b[2J\n\u202eDENIED' };
    const { out } = await coffre(await world({ ...denial, request }), 'events');
    expect(out.trimEnd().split('\n')).toHaveLength(2);
    expect(out).toBe(printable(out.replaceAll('\n', '|')).replaceAll('|', '\n'));
  });

  test('a person is named to who holds the state folder', async () => {
    const { out } = await coffre(await world(sampleEvents['human-action']), 'events');
    expect(out).toContain('alix');
    expect(out).not.toContain('p:a1b2c3d4e5f6');
  });
});

describe('tap', () => {
  test('shows what comes after it began, what went before not, and ends after as many as asked', async () => {
    const here = await world(sampleEvents.denial);
    const told = coffre(here, 'tap', '--max', '2');
    await expect.poll(() => here.evidence.isFollowed).toBe(true);
    here.evidence.keep(sampleEvents.push, sampleEvents['plaintext-attempt'], sampleEvents.request);
    const { out } = await told;
    expect(out.trimEnd().split('\n')).toEqual([
      expect.stringContaining('PLAINTEXT'),
      expect.stringContaining('allowed  shop/web  atelier/api-1:8080  GET /documents/7 200'),
    ]);
  });

  test('ends at once when the person wants no more', async () => {
    const here = await world();
    const told = coffre(here, 'tap', '-o', 'json');
    await expect.poll(() => here.evidence.isFollowed).toBe(true);
    here.stop.abort();
    expect(await told).toEqual({ out: '', err: '', code: 0 });
    here.evidence.keep();
  });
});

describe('top', () => {
  test('counts by who called whom; one sampled request stands for many', async () => {
    const { denial, request } = sampleEvents;
    const more = { ...request, id: 'd:2b', atMs: sampleMs + 500 };
    const { out } = await coffre(await world(...everything, more), 'top', '-o', 'json');
    expect(JSON.parse(out)[0]).toEqual({
      ...{ from: 'shop/web', to: 'atelier/api-1:8080', allowed: 200, denied: 1, attempts: 0, overflows: 0 },
      ...{ lastMs: more.atMs, why: denial.reason, whyMs: denial.atMs },
    });
    expect(JSON.parse(out).map(({ from }: { from: string }) => from)).toContain('10.1.0.66 (claims atelier/web)');
  });

  test('counts one stranger once, whatever port he comes from', async () => {
    const attempt = sampleEvents['plaintext-attempt'];
    const many = [4_000, 4_001, 4_002].map((port) => ({
      ...{ ...attempt, id: `p:${port}`, from: { address: `10.1.0.66:${port}` } },
    }));
    const { out } = await coffre(await world(...many), 'top', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject([{ from: '10.1.0.66', attempts: 3 }]);
  });

  test('counts more events than one answer holds, each once', async () => {
    const { request } = sampleEvents;
    const many = Array.from({ length: 2_500 }, (_, index) => ({
      ...{ ...request, id: `d:${index}`, atMs: sampleMs + Math.floor(index / 7), standsFor: 1 },
    }));
    const { out } = await coffre(await world(...many), 'top', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject([{ allowed: 2_500 }]);
  });
});

describe('explain by id', () => {
  test('finds the refusal in the evidence and judges it again', async () => {
    const workload = [...mesh.workloads.values()].find(({ key }) => key === 'atelier/web-1');
    const address = `${workload?.addresses[0]}:8080`;
    const from = { identity: 'spiffe://prod.example/ns/other/sa/nobody' };
    const here = await world({ ...sampleEvents.denial, from, to: { address, port: 8080 } });
    const { out, code } = await coffre(here, 'explain', '1f0c');
    expect(code).toBe(1);
    expect(out).toContain('decision 1f0c, 2026-11-22T04:30:00.000Z, by the worker: deny, no-allow-rule');
    expect(out).toContain('DENIED: spiffe://prod.example/ns/other/sa/nobody to');
  });

  test('tells what is known of a caller who proved nothing, and judges nobody', async () => {
    const { out, code } = await coffre(await world(...everything), 'explain', 'h:4');
    expect(code).toBe(1);
    expect(out).toContain('handshake-failure: CERTIFICATE_VERIFY_FAILED');
    expect(out).not.toContain('DENIED:');
  });

  test('of a service that nobody may dial names it, and the grant that would lead there', async () => {
    const from = { identity: notaire.web, workload: 'notaire/web-1' };
    const to = { address: '10.96.1.2:80', port: 80, service: 'atelier/api' };
    const here = await world({ ...undeclared('r:9', to), from });
    expect((await coffre(here, 'events')).out).toMatch(/UNDECLARED +notaire\/web +atelier\/api:80 /);
    const { out, code } = await coffre(here, 'explain', 'r:9');
    expect(code).toBe(1);
    expect(out).toContain('atelier/api:80');
    expect(out).toContain('kind: Grant');
  });

  test('says that the mesh has changed where a refusal would be none now', async () => {
    const address = `${mesh.workloads.get('atelier/web-1')?.addresses[0]}:8080`;
    const { revision: _, ...denial } = sampleEvents.denial;
    const from = { identity: mesh.workloads.get('atelier/web-1')?.spiffeId ?? '' };
    const here = await world({ ...denial, from, to: { address, port: 8080 } });
    const { out } = await coffre(here, 'explain', '1f0c');
    expect(out).toContain('ALLOWED');
    expect(out).toContain('the mesh has changed since');
  });

  test('of an id that two workloads tell of shows the first that was kept, and names both', async () => {
    const { denial } = sampleEvents;
    const liar = {
      ...denial,
      id: 'd:1f0c:liar',
      atMs: denial.atMs + 9,
      tenant: 'shop',
      workload: 'shop/web-1',
      reason: 'made-up',
    };
    const { out, err } = await coffre(await world(denial, liar), 'explain', '1f0c');
    expect(out).toContain('no-allow-rule');
    expect(err).toContain('shop/web-1 and atelier/api-1 tell of this id');
  });

  test('says where it looked', async () => {
    const { err, code } = await coffre(await world(), 'explain', 'nobody');
    expect(code).toBe(1);
    expect(err).toContain('the evidence or `');
  });
});
