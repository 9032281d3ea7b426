/** Drills that strike proxies of two replicas, and what is left of one whose leader is killed, or stands still while another is elected. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasEnded, isEffective } from '../../../src/lab/drill-control.ts';
import { run } from '../../cli/run-command.ts';
import { whereKube } from '../harness/kube-test.ts';
import { answer, DrilledMesh, drill, patience } from './drilled-mesh.ts';
import { longMs, type Replicas } from './replicas.ts';

/** A TTL of a fault, and the second in which it must be gone. */
const deadManMs = 11_000;
/** Silence after which a follower takes back what its leader laid, and as long again on a machine that is busy. */
const followerMs = 6_000;
/** Until a Lease that nobody renews is another's. */
const electionMs = 40_000;

/** Of the callers struck, up to their group, and of proxies, without the time that each took. */
function rows(report: string): readonly string[] {
  const lines = report.replaceAll(/[\u00a0\u202f]/g, ' ').split('\n');
  return lines.flatMap((line) => {
    const [row] = /^\| `shop` \| `shop\/web` \| [^|]+ \||^\| `shop\/web-\d` \| (?:after|après) .*/.exec(line) ?? [];
    return row === undefined ? [] : [row.replaceAll(/(after|après) [^|]+ \|/g, '$1 … |')];
  });
}

whereKube('a drill on the proxies of two replicas', () => {
  let mesh: DrilledMesh;
  let replicas: Replicas;
  let web: DrilledMesh['web'];

  beforeAll(async () => {
    mesh = await DrilledMesh.start();
    ({ replicas, web } = mesh);
  }, 3 * longMs);
  afterAll(() => mesh?.close());

  /** Begun by this replica, effective on both proxies. */
  async function struckBy(index: 0 | 1): Promise<void> {
    const { drills } = replicas.all[index];
    await drills.whole(longMs);
    const plan = await drills.begin(drill);
    expect(plan.touches.map(({ proxy }) => proxy)).toEqual(['shop/web-0', 'shop/web-1']);
    await drills.until(drill, 'a fault on both', longMs, isEffective);
    for (const { dials } of web) await expect.poll(() => answer(dials), patience(longMs)).toMatch(/^503/);
  }

  /** As `kubectl` shows it. */
  async function phase(): Promise<string> {
    const fields = '{.status.phase}: {.status.message}';
    return (
      (await mesh.kubectl(['get', '-n', 'shop', 'drill.coffre.dev/breaker', '-o', `jsonpath=${fields}`])).split(
        ';',
      )[0] ?? ''
    );
  }

  const struck = (index: 0 | 1) => replicas.struck(web[index].key);

  test('it strikes on both, is counted on both, and is halted clean on both', async () => {
    await struckBy(0);
    const { drills } = replicas.all[0];
    const counted = await drills.until(
      drill,
      'what both told of the edge',
      longMs,
      ({ overflows = 0 }) => overflows > 1,
    );
    expect(counted.proxies.map(({ proxy, state }) => `${proxy} ${state}`)).toEqual([
      'shop/web-0 effective',
      'shop/web-1 effective',
    ]);
    await drills.halt(drill, 'seen enough');
    const record = await drills.until(drill, 'its end', longMs, hasEnded);
    expect(record.phase).toBe('aborted');
    expect(record.proxies.map(({ state }) => state)).toEqual(['clean', 'clean']);
    expect(record.traffic.map(({ proxy }) => proxy)).toEqual(expect.arrayContaining(['shop/web-0', 'shop/web-1']));
    expect([await struck(0), await struck(1)]).toEqual([[], []]);
  });

  test('its report in either language names the callers of both replicas and sees each clean, on a chain that verifies', async () => {
    await struckBy(0);
    const { drills, state } = replicas.all[0];
    await drills.halt(drill, 'seen enough');
    await drills.until(drill, 'its end', longMs, hasEnded);
    const fileOf = (name: string) => join(replicas.folder, name);
    const [key, report, copy] = ['evidence.pem', 'report.md', 'evidence.jsonl'].map(fileOf) as [string, string, string];
    await writeFile(key, (await run('evidence', 'head', '--public-key', '--state', state)).out);
    await run('drill', 'report', drill, '--state', state, '--out', report);
    const english = await readFile(report, 'utf8');
    const french = await run('drill', 'report', drill, '--state', state, '--lang', 'fr');
    expect(rows(english)).toEqual([
      '| `shop` | `shop/web` | the fault was laid for it: 2 proxies |',
      '| `shop/web-0` | after … | after … | confirmed: seen clean |',
      '| `shop/web-1` | after … | after … | confirmed: seen clean |',
    ]);
    expect(rows(french.out)).toEqual([
      '| `shop` | `shop/web` | la panne lui était destinée : 2 proxys |',
      '| `shop/web-0` | après … | après … | confirmé : vu sans la panne |',
      '| `shop/web-1` | après … | après … | confirmé : vu sans la panne |',
    ]);
    expect(await run('drill', 'verify-report', report, '--key', key)).toMatchObject({ code: 0 });
    expect(await run('evidence', 'export', '--state', state, '--out', copy)).toMatchObject({ code: 0 });
    // The report's own witness: what it was made from is in the copy, and nothing was cut off since.
    const [witness = 'none'] = /replica-0:\d+:[0-9a-f]{64}/.exec(english) ?? [];
    expect(await run('evidence', 'verify', copy, '--key', key, '--expect-head', witness)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ of `replica-0`, positions 1 to .*^whole: /ms),
    });
  });

  test('what is asked at a follower the leader answers: its drill is planned, started and halted there', async () => {
    const { drills } = replicas.all[1];
    const plan = await drills.begin(drill);
    expect(plan.touches.map(({ proxy }) => proxy)).toEqual(['shop/web-0', 'shop/web-1']);
    await drills.until(drill, 'a fault on both', longMs, isEffective);
    await drills.halt(drill, 'from the other side');
    const { haltedBy, phase } = await replicas.all[0].drills.until(drill, 'its end', longMs, hasEnded);
    expect({ haltedBy, phase }).toEqual({ haltedBy: 'owner', phase: 'aborted' });
  });

  test('FLT-29 proxies of a follower that is killed count as out of reach until they are seen or must be clean', async () => {
    await struckBy(0);
    const [leader, follower] = replicas.all;
    await follower.kill();
    const { drills } = leader;
    const lost = await drills.until(
      drill,
      'the loss of a proxy',
      longMs,
      ({ proxies }) => proxies[1]?.state !== 'effective',
    );
    expect(lost.proxies[0]?.state).toBe('effective');
    await expect.poll(() => struck(1), patience(deadManMs)).toEqual([]);
    await drills.halt(drill, 'half of it is lost');
    const record = await drills.until(drill, 'its end', longMs, hasEnded);
    expect(record.verdict).toBe('unproven');
    expect(record.proxies.map(({ state }) => state)).toEqual(['clean', 'excluded']);
    expect(record.proxies[1]?.why).toContain('its replica `replica-1` is out of reach');
    await follower.start();
    await follower.says('"msg":"this replica follows the leader"');
  });

  test(
    'FLT-34 a leader that stands still until another leads: its follower takes the fault back, and it commands nobody again',
    async () => {
      await struckBy(0);
      const [former, next] = replicas.all;
      former.signal('SIGSTOP');
      await expect.poll(() => struck(1), patience(followerMs)).toEqual([]);
      await expect.poll(() => struck(0), patience(deadManMs)).toEqual([]);
      await next.says('"msg":"this replica leads"');
      former.signal('SIGCONT');
      await former.says('"msg":"this replica leads no more"');
      await former.says('"msg":"this replica follows the leader"');
      expect([await struck(0), await struck(1)]).toEqual([[], []]);
      const { phase, reason } = await former.drills.until(drill, 'its end', longMs, hasEnded);
      expect(phase).toBe('aborted');
      expect(reason).toMatch(/the replica `replica-1` leads|nobody judged the drill|no replica leads now|is silent/);
      await struckBy(1);
      await next.drills.halt(drill, 'seen enough');
      await next.drills.until(drill, 'its end', longMs, hasEnded);
    },
    4 * longMs,
  );

  test(
    'FLT-27 a leader that is killed: the follower takes the fault back at once, Envoy the rest, and the drill is not resumed',
    async () => {
      await struckBy(1);
      const [follower, leader] = replicas.all;
      await leader.kill();
      await follower.says('what its leader had laid on proxies is taken back');
      await expect.poll(() => struck(0), patience(followerMs)).toEqual([]);
      await expect.poll(() => struck(1), patience(deadManMs)).toEqual([]);
      await expect
        .poll(() => follower.drills.plan(drill).then(() => 'planned', String), patience(electionMs))
        .toBe('planned');
      await expect.poll(phase, patience(longMs)).toBe('aborted: the leader that ran it is gone');
      await leader.start();
      await leader.says('"msg":"this replica follows the leader"');
      const record = await leader.drills.until(drill, 'its end', longMs, hasEnded);
      expect(record.phase).toBe('aborted');
      expect(record.reason).toContain('the control plane restarted');
      expect([await struck(0), await struck(1)]).toEqual([[], []]);
    },
    3 * longMs,
  );
});
