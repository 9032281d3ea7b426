/**
 * What a caller with a good certificate can do with bytes, and a worker with answers, to an application behind a sidecar.
 *
 *   rows ──▶ real          the policy, in proxy and worker
 *        ──▶ worker alone  the proxy lets everything through: the second enforcer must say the same
 *        ──▶ granted       no policy: what was refused for the policy's sake arrives, what was for its form does not
 *        ──▶ wrong on purpose, three times: each row that refuses must turn red somewhere
 *
 * The oracle is what the application saw: every request bears the id of an allow, under the path that was judged, and
 * none is what the policy forbids by a second, naive reading. An answer of 403 to a request that arrived is a failure.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { inLab } from './differential/in-lab.ts';
import { careless, credulous, halfRead, openDoor } from './sec/careless.ts';
import { bomb, continuations, type Flooded, flood, openStreams, rapidResets } from './sec/floods.ts';
import { headerRows } from './sec/header-rows.ts';
import { JudgedSidecar } from './sec/judged-sidecar.ts';
import { denials, lies, queries, truth } from './sec/lies.ts';
import { messageRows } from './sec/message-rows.ts';
import { byteRows, pathRows } from './sec/path-rows.ts';
import { differences, inWords, type Outcome, type Row, request } from './sec/row.ts';
import { tunnelRows } from './sec/tunnel-rows.ts';
import { type Volley, volley } from './sec/volley.ts';
import { granted, guarded, isClosed, isForbidden } from './sec/world.ts';

const rows: readonly Row[] = [...pathRows, ...headerRows, ...messageRows, ...tunnelRows];
/** How long an answer is waited for where most will not come, in ms. */
const impatientMs = 1_000;
/** Of one HTTP/2 connection at a time. */
const streamsMax = 100;

type Edit = (resources: ResourceSnapshot) => ResourceSnapshot;

inLab('requests against a sidecar', () => {
  let rig: JudgedSidecar;
  let taught: Snapshot = guarded;
  const runs = new Map<'real' | 'worker alone' | 'granted', Volley>();
  const wrong: Volley[] = [];
  let bytes: Volley;

  beforeAll(async () => {
    rig = await JudgedSidecar.start(taught);
    await under(guarded, guarded);
    runs.set('real', await volley(rig, rows));
    bytes = await volley(rig, byteRows);
    for (const edit of [careless, openDoor]) wrong.push(await wrongly(guarded, edit));
    await under(granted, guarded);
    runs.set('worker alone', await volley(rig, rows));
    wrong.push(await wrongly(granted, halfRead));
    await under(granted, granted);
    runs.set('granted', await volley(rig, rows));
  });
  afterAll(() => rig?.stop());

  /** @param proxy what the sidecar is told @param worker what the worker judges by */
  async function under(proxy: Snapshot, worker: Snapshot): Promise<void> {
    if (worker !== taught) await rig.worker.teach(worker);
    taught = worker;
    await rig.sidecar.publish(rig.resources(proxy));
  }

  async function wrongly(proxy: Snapshot, edit: Edit): Promise<Volley> {
    await rig.sidecar.publish(edit(rig.resources(proxy)));
    return volley(rig, rows, impatientMs);
  }

  const outcomeOf = ({ outcomes }: Volley, row: Row): Outcome => outcomes.get(row) ?? expect.fail('it was not sent');
  const runOf = (name: 'real' | 'worker alone' | 'granted') => runs.get(name) ?? expect.fail('it was not run');

  /** Requests that arrived without an allow of their own, under that path and by that caller. */
  function unauthorised({ seen }: Outcome): readonly string[] {
    return seen.flatMap(({ id, path }) => {
      const own = rig.worker.observer.records.filter((record) => record.id === id && record.verdict === 'allow');
      const judged = own.flatMap((record) => ('request' in record ? [record.request.path] : []));
      const [bare = ''] = path.split('?');
      return judged.join() === bare.slice(0, 256) ? [] : [`${path} arrived, where \`${judged}\` was allowed`];
    });
  }

  test.each(rows.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    const [real, alone, free] = (['real', 'worker alone', 'granted'] as const).map((name) =>
      outcomeOf(runOf(name), row),
    );
    if (real === undefined || alone === undefined || free === undefined) return expect.fail('it was not run');
    expect({ real: differences(row, real), alone: differences(row, alone) }).toEqual({ real: [], alone: [] });
    expect(differences(row, free, row.granted)).toEqual([]);
    expect([real, alone].flatMap(({ seen }) => seen.filter(isForbidden))).toEqual([]);
    expect([real, alone, free].flatMap(unauthorised)).toEqual([]);
  });

  test('SEC-02 SEC-20 nothing arrives but what a row sent', () => {
    expect([...runs.values(), bytes].flatMap(({ strays }) => strays)).toEqual([]);
  });

  test('SEC-02 no byte behind the closed name, encoded or not, makes it another that is the same to an application', () => {
    const arrived = [...bytes.outcomes.values()].flatMap(({ seen }) => seen);
    expect(arrived.length).toBeGreaterThan(300);
    expect(arrived.filter(({ path }) => isClosed(path))).toEqual([]);
    expect([...bytes.outcomes.values()].flatMap(unauthorised)).toEqual([]);
  });

  test('SEC-09 whatever a caller claims, it is judged by its certificate', () => {
    const principals = rig.worker.observer.records.flatMap((each) =>
      'request' in each ? [each.request.principal] : [],
    );
    expect([...new Set(principals)].sort()).toEqual(
      ['adele', 'anton'].map((account) => `spiffe://mesh.test/ns/aurore/sa/${account}`),
    );
  });

  test('every row that refuses turns red under a configuration that is wrong, but for those that any parser refuses', () => {
    const refusals = rows.filter(({ becomes, byAnyParser }) => !becomes.startsWith('200') && !byAnyParser);
    const green = refusals.filter(
      (row) =>
        wrong.every((run) => differences(row, outcomeOf(run, row)).length === 0) &&
        differences(row, outcomeOf(runOf('granted'), row)).length === 0,
    );
    expect(green.map(({ name }) => name)).toEqual([]);
  });

  test('SEC-01 to SEC-13 what a careless configuration lets through includes what the policy forbids', () => {
    const [carelessRun, openRun] = wrong;
    for (const run of [carelessRun, openRun]) {
      const through = [...(run?.outcomes ?? [])].filter(([, { seen }]) => seen.some(isForbidden));
      expect(through.length).toBeGreaterThan(20);
    }
  });

  describe('a worker that lies', () => {
    beforeAll(() => rig.sidecar.publish(rig.resources(granted, 'liar')));

    const asked = (name: string, becomes: string) => ({
      name,
      becomes,
      bytes: request('/ok?q=1', ['authorization: a']),
    });
    async function tell(lie: (typeof lies)[number][1], row: Row): Promise<Outcome> {
      rig.liar.lie = lie;
      return outcomeOf(await volley(rig, [row]), row);
    }

    test.each(lies)('%s gets nobody through', async (what, lie, status) => {
      const before = rig.liar.asked;
      expect(inWords(await tell(lie, asked(what, status)))).toBe(status);
      expect(rig.liar.asked).toBeGreaterThan(before);
    });

    test.each(denials)('%s gets nobody through', async (what, lie) => {
      expect(inWords(await tell(lie, asked(what, '403')))).toBe('403');
    });

    test.each(queries)(
      'SEC-12 an allow that %s the query changes that and nothing else',
      async (what, lie, arrives) => {
        expect(inWords(await tell(lie, asked(what, `200 GET ${arrives}`)))).toBe(`200 GET ${arrives}`);
      },
    );

    test('SEC-12 SEC-14 the same server is believed when it says what a worker says', async () => {
      expect(inWords(await tell(truth, asked('truth', '200 GET /ok?q=1')))).toBe('200 GET /ok?q=1');
    });

    test('SEC-12 SEC-14 SEC-17 each lie finds out a sidecar that believes it, and one is led to a closed path', async () => {
      await rig.sidecar.publish(credulous(rig.resources(granted, 'liar')));
      const believed = new Map<string, string>();
      for (const [what, lie, status] of lies) believed.set(what, inWords(await tell(lie, asked(what, status))));
      expect(lies.filter(([what, , status]) => believed.get(what) === status)).toEqual([]);
      expect(believed.get('SEC-12 an allow that sets the path')).toBe('200 GET /admin');
    });

    test('SEC-14 where nobody answers nobody passes', async () => {
      await rig.sidecar.publish(rig.resources(granted, 'nobody'));
      const row = asked('nobody', '503');
      expect(inWords(outcomeOf(await volley(rig, [row]), row))).toBe('503');
      await rig.sidecar.publish(credulous(rig.resources(granted, 'nobody')));
      expect(inWords(outcomeOf(await volley(rig, [row]), row))).toBe('200 GET /ok?q=1');
    });
  });

  describe('SEC-23 a connection that asks for too much', () => {
    /** Of Envoy's own making, so that no configuration of ours could lack it. */
    const boundOfEnvoy = 'streams that are reset as soon as they are begun';
    const floods = {
      'more streams at a time than the limit': openStreams(150),
      [boundOfEnvoy]: rapidResets(2_000),
      'a header block that does not end': continuations(300),
      'a header that is small on the way and large in the table': bomb(1_000),
    };
    /** Ended, or at least that stream; and never more at the application than there may be streams. */
    const isHeld = ({ ended, refused, seen }: Flooded) => (ended || refused > 0) && seen <= streamsMax;

    test.each(Object.entries(floods))('%s gets its connection or its stream ended', async (_name, sent) => {
      await under(granted, granted);
      const flooded = await flood(rig, sent);
      expect(isHeld(flooded), JSON.stringify(flooded)).toBe(true);
    });

    test('those that limits of ours hold find out a sidecar without limits', async () => {
      await rig.sidecar.publish(careless(rig.resources(granted)));
      const flooded = new Map<string, Flooded>();
      for (const [name, sent] of Object.entries(floods))
        if (name !== boundOfEnvoy) flooded.set(name, await flood(rig, sent));
      expect([...flooded].filter(([, each]) => isHeld(each))).toEqual([]);
    });
  });

  test('after all of it the sidecar serves and refuses as before', async () => {
    await under(guarded, guarded);
    const again = rows.filter(({ name }) => name.startsWith('SEC-07'));
    const last = await volley(rig, again);
    expect(again.flatMap((row) => differences(row, outcomeOf(last, row)))).toEqual([]);
  });
});
