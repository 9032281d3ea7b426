/** `coffre drill` as a person and as a script type it, against a door behind which drills are only remembered. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createManagementDoor, type ManagementDoor } from '../../src/admin/management-door.ts';
import type { DrillRecord } from '../../src/chaos/drill-engine.ts';
import { runProgram } from '../../src/cli/program.ts';
import { FakeDrillEngine } from '../admin/fake-drill-engine.ts';
import { faultMs, sampleRecord } from '../chaos/report/sample-record.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

const drill = sampleRecord.drill;
const hash = sampleRecord.plan.hash;

interface World {
  readonly drills: FakeDrillEngine;
  readonly state: string;
  readonly stop: AbortController;
  /** What is asked of a person, and what they answer; undefined: nobody is there. */
  answer: string | undefined;
  readonly questions: string[];
  readonly door: ManagementDoor;
  readonly reopen: () => Promise<ManagementDoor>;
  /** Called with what is printed. */
  heard: (text: string) => void;
}

async function world(...records: readonly DrillRecord[]): Promise<World> {
  const drills = new FakeDrillEngine(...records);
  const state = await temporaryFolder();
  const reopen = async () => {
    const door = createManagementDoor(
      {
        nowMs: () => faultMs,
        view: () => ({ ready: true, snapshot: undefined, xds: '', clients: [], certificateOf: () => undefined }),
        wholeSnapshot: () => undefined,
        rotations: () => undefined,
        confirmLoss: () => ({ kind: 'confirmed', objects: 12 }),
        drills: () => drills,
        evidence: () => undefined,
        proxies: () => undefined,
        workloads: '',
      },
      () => undefined,
      () => undefined,
    );
    onTestFinished(() => door.close());
    await door.listenOnSocket(join(state, 'admin.sock'));
    return door;
  };
  const stop = new AbortController();
  const heard = () => undefined;
  return { drills, state, stop, answer: undefined, questions: [], door: await reopen(), reopen, heard };
}

async function coffre(here: World, ...args: readonly string[]) {
  let [out, err, code] = ['', '', 0];
  const { answer, questions, heard } = here;
  await runProgram(['drill', ...args, '--state', here.state], {
    out: (text) => {
      out += text;
      heard(text);
    },
    err: (text) => {
      err += text;
      heard(text);
    },
    setExitCode: (exit) => {
      code = exit;
    },
    nowMs: () => faultMs + 40_000,
    signal: here.stop.signal,
    ...(answer === undefined
      ? {}
      : {
          person: {
            columns: () => 60,
            ask: async (question: string) => {
              questions.push(question);
              return answer;
            },
          },
        }),
  });
  return { out, err, code };
}

const planned: DrillRecord = {
  ...sampleRecord,
  phase: 'planned',
  verdict: 'pending',
  plan: { ...sampleRecord.plan, needsSecondPerson: false },
};
const asked = ({ drills }: World) => drills.asked.map(({ what }) => what);

describe('plan', () => {
  test('shows every proxy and key, who is left out, and the next command with its hash', async () => {
    const { out, code } = await coffre(await world(planned), 'plan', drill);
    expect(code).toBe(0);
    expect(out).toContain('would touch 3 proxies, with 2 proxies as control group');
    expect(out).toContain('  atelier/web-1  circuit_breakers.atelier/api/80.default.max_requests = 0\n');
    expect(out).toContain('  left out: atelier/web-4 it takes no resource with a time to live\n');
    expect(out).toMatch(new RegExp(`next: coffre drill start ${drill} --plan ${hash}\n$`));
  });

  test('of a wide radius names the second person’s command first', async () => {
    const { out } = await coffre(await world(sampleRecord), 'plan', drill);
    expect(out).toContain(`let somebody else: coffre drill approve ${drill} --plan ${hash}`);
  });

  test('as JSON is what the engine said', async () => {
    const { out } = await coffre(await world(planned), 'plan', drill, '-o', 'json');
    expect(JSON.parse(out)).toEqual(planned.plan);
  });

  test('of nothing ends with 1, and of no name with 2', async () => {
    expect(await coffre(await world(), 'plan', drill)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/coffre drill list/),
    });
    expect(await coffre(await world(), 'plan', 'api')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/`drill`/),
    });
  });
});

describe('start', () => {
  test('of a plan that was named asks nobody', async () => {
    const here = await world(planned);
    const { out, code } = await coffre(here, 'start', drill, '--plan', hash);
    expect({ code, asked: asked(here) }).toEqual({ code: 0, asked: [`start ${drill}`] });
    expect(out).toContain(`coffre drill watch ${drill}`);
  });

  test('without one shows the plan and starts it when told yes', async () => {
    const here = await world(planned);
    here.answer = 'yes';
    expect(await coffre(here, 'start', drill)).toMatchObject({
      code: 0,
      err: expect.stringMatching(/would touch 3 proxies/),
    });
    expect(here.questions).toHaveLength(1);
    expect(asked(here)).toEqual([`plan ${drill}`, `start ${drill}`]);
  });

  test.each(['', 'y', 'no', 'yes please'])('is not told yes by %j', async (answer) => {
    const here = await world(planned);
    here.answer = answer;
    expect(await coffre(here, 'start', drill)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/nothing was started/),
    });
    expect(asked(here)).toEqual([`plan ${drill}`]);
  });

  test('with nobody there does not even plan, unless told --yes', async () => {
    const here = await world(planned);
    expect(await coffre(here, 'start', drill)).toMatchObject({ code: 2, err: expect.stringMatching(/`--yes`/) });
    expect(asked(here)).toEqual([]);
    expect(await coffre(here, 'start', drill, '--yes')).toMatchObject({ code: 0 });
    expect(asked(here)).toEqual([`plan ${drill}`, `start ${drill}`]);
  });

  test('of a wide radius waits for a second person, whatever one person says', async () => {
    const here = await world({ ...sampleRecord, phase: 'declared' });
    const told = await coffre(here, 'start', drill, '--yes');
    expect(told).toMatchObject({
      code: 1,
      err: expect.stringContaining(`coffre drill approve ${drill} --plan ${hash}`),
    });
    expect(asked(here)).toEqual([`plan ${drill}`]);
  });

  test('of a plan that has changed since ends with 1', async () => {
    const old = '0'.repeat(16);
    expect(await coffre(await world(planned), 'start', drill, '--plan', old)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/plan it/),
    });
  });
});

test('approve names the plan, and the command that comes next', async () => {
  const here = await world(planned);
  const { out, code } = await coffre(here, 'approve', drill, '--plan', hash);
  expect({ code, asked: asked(here) }).toEqual({ code: 0, asked: [`approve ${drill}`] });
  expect(out).toContain(`coffre drill start ${drill} --plan ${hash}`);
});

describe('how a drill ended is the exit code', () => {
  const cases: readonly [string, Partial<DrillRecord>, number][] = [
    ['held', { phase: 'completed', verdict: 'held' }, 0],
    ['deviated', { phase: 'aborted', verdict: 'deviated' }, 80],
    ['deviated, and halted then', { phase: 'aborted', verdict: 'deviated', haltedBy: 'bob' }, 80],
    ['halted', { phase: 'aborted', verdict: 'unproven', haltedBy: 'bob' }, 81],
    ['ended by an alert', { phase: 'aborted', verdict: 'unproven' }, 81],
    ['failed', { phase: 'failed', verdict: 'unproven' }, 1],
    ['over, and unproven', { phase: 'completed', verdict: 'unproven' }, 1],
  ];
  test.each(cases)('%s', async (_, change, code) => {
    const over = { ...sampleRecord, ...change };
    for (const command of ['watch', 'report']) {
      expect(await coffre(await world(over), command, drill)).toMatchObject({ code });
    }
    const here = await world(planned);
    here.drills.beforeShow = () => {
      if (asked(here).includes(`start ${drill}`)) here.drills.move(drill, change);
    };
    expect(await coffre(here, 'start', drill, '--plan', hash, '--wait')).toMatchObject({ code });
  });

  test('and a report of one that runs ends with 0', async () => {
    expect(await coffre(await world({ ...sampleRecord, phase: 'running' }), 'report', drill)).toMatchObject({
      code: 0,
    });
  });

  test('which the help tells', async () => {
    const { out } = await coffre(await world(), 'watch', '--help');
    expect(out).toMatch(/^ 80 {2}of a drill: a probe left its tolerance/m);
    expect(out).toMatch(/^ 81 {2}of a drill: it was halted/m);
  });
});

describe('watch', () => {
  const running: DrillRecord = { ...sampleRecord, phase: 'running', verdict: 'pending', reason: '' };

  /** Each look finds the next of these. */
  function passing(here: World, ...changes: readonly Partial<DrillRecord>[]): void {
    const left = [...changes];
    here.drills.beforeShow = () => {
      const change = left.shift();
      if (change !== undefined) here.drills.move(drill, change);
    };
  }

  test('tells a script in lines, one for each change', async () => {
    const here = await world(running);
    passing(
      here,
      { faultAtMs: 0, startedAtMs: faultMs + 20_000 },
      { faultAtMs: faultMs, probes: [{ name: 'web-up', value: undefined, state: 'silent' }] },
      { overflows: 7 },
      { phase: 'aborted', verdict: 'deviated', reason: 'web-up is silent' },
    );
    const { out } = await coffre(here, 'watch', drill);
    const lines = out.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(
        /^2026-\S+Z atelier\/api-breaker: running: the steady state is observed before the fault, 10 s more;/,
      ),
      expect.stringMatching(
        /running: 80 s to the deadline; proxies 2 clean, 1 expired, 1 excluded; turned away 1204; web-up - SILENT$/,
      ),
      expect.stringMatching(/aborted, the hypothesis did not hold: web-up is silent;/),
      `see \`coffre drill report ${drill}\``,
    ]);
  });

  test('draws a person’s screen anew, no line wider than it', async () => {
    const here = await world(running);
    here.answer = '';
    passing(here, {}, { phase: 'completed', verdict: 'held', hypothesis: 'x'.repeat(300) });
    const { out } = await coffre(here, 'watch', drill);
    const [first = '', second = ''] = out.split('\u001b[7A\u001b[J');
    expect(first.trimEnd().split('\n')).toHaveLength(7);
    expect(first).toContain('turned away by breakers: 1204');
    expect(second).toContain('completed, the hypothesis held');
    expect(Math.max(...second.split('\n').map((line) => line.length))).toBe(59);
  });

  test('as JSON is one record a line', async () => {
    const here = await world(running);
    passing(here, {}, { phase: 'completed', verdict: 'held' });
    const { out } = await coffre(here, 'watch', drill, '-o', 'json');
    const phases = out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as DrillRecord).phase);
    expect(phases).toEqual(['running', 'completed']);
  });

  test('goes on when the control plane is away for a while, and says what holds meanwhile', async () => {
    const here = await world(running);
    here.heard = (text) => {
      if (text.includes('does not answer')) {
        here.drills.move(drill, { phase: 'aborted', verdict: 'unproven', reason: 'found unfinished' });
        void here.reopen();
      } else void here.door.close();
    };
    const { out, err, code } = await coffre(here, 'watch', drill);
    expect(code).toBe(81);
    expect(err).toBe(
      'the control plane does not answer; whatever it laid leaves every proxy by itself within 10 s; still asking\n',
    );
    expect(out).toContain('found unfinished');
  });

  test('of a control plane that never answered ends with 3', async () => {
    const here = await world(running);
    await here.door.close();
    expect(await coffre(here, 'watch', drill)).toMatchObject({ code: 3, out: '' });
  });

  test('ends with the person, and says that the drill does not', async () => {
    const here = await world(running);
    here.drills.beforeShow = () => here.stop.abort();
    expect(await coffre(here, 'watch', drill)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/goes on without you.*coffre drill halt/),
    });
  });

  test('gives a terminal no orders out of names and reasons', async () => {
    const hostile = '\u001b[2J\u202e\u009b1m';
    const here = await world({ ...sampleRecord, reason: hostile, hypothesis: hostile });
    const shown = [await coffre(here, 'watch', drill), await coffre(here, 'list'), await coffre(here, 'report', drill)];
    for (const { out } of shown) for (const order of hostile.match(/\p{C}/gu) ?? []) expect(out).not.toContain(order);
  });
});

describe('halt', () => {
  test('of one gives the reason, and says how it stands', async () => {
    const here = await world(planned);
    const { out, code } = await coffre(here, 'halt', drill, '--reason', 'customers see errors');
    expect({ code, asked: asked(here) }).toEqual({ code: 0, asked: [`halt ${drill}: customers see errors`] });
    expect(out).toContain('aborted');
  });

  test('of all needs no reason in an emergency, and names the way back', async () => {
    const here = await world(planned);
    const { out } = await coffre(here, 'halt', '--all');
    expect(here.drills.halted).toBe(true);
    expect(asked(here)).toEqual(['haltAll: halted from the command line']);
    expect(out).toContain('coffre drill release');
    expect(await coffre(here, 'release')).toMatchObject({ code: 0 });
    expect(here.drills.halted).toBe(false);
  });

  test.each([[[]], [[drill, '--all']]])('of neither one nor all, or of both, is refused: %j', async (args) => {
    const here = await world(planned);
    expect(await coffre(here, 'halt', ...args)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/name one drill, or give `--all`/),
    });
    expect(asked(here)).toEqual([]);
  });
});

test('list shows each drill in a row, and says so where there is none', async () => {
  const { out } = await coffre(await world(sampleRecord), 'list');
  expect(out).toMatch(/^DRILL +PHASE +VERDICT +STARTED +BY +PROXIES\n/);
  expect(out).toMatch(/^atelier\/api-breaker +aborted +deviated +2026-\S+ +alice +2 clean, 1 expired, 1 excluded$/m);
  expect(await coffre(await world(), 'list')).toMatchObject({ out: 'there is no drill that you may see\n' });
});
