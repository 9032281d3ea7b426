import { expect, test } from 'vitest';
import { noColours } from '../../../src/lab/demo/palette.ts';
import { renderControlLine, renderInvitation } from '../../../src/lab/demo/stay-up.ts';

const place = {
  lab: 'x1',
  mesh: '/lab/mesh',
  attacker: '/lab/attacker',
  people: '/lab/people',
  pidFiles: { controlPlane: '/lab/coffre.pid', authz: '/lab/authz.pid' },
  state: '/lab/state',
  database: 'postgres',
} as const;

const lab = { sidecarLog: '/lab/api.out', adminSocket: '/lab/s' } as const;

test('the invitation names the live folder and a way back for each edit', () => {
  const text = renderInvitation(place, lab, noColours);
  expect(text).toContain('  /lab/mesh\n');
  expect(text).toContain('cp src/lab/demo/edits/grant-documents.yaml /lab/mesh/atelier/');
  expect(text).toContain('rm /lab/mesh/atelier/grant-documents.yaml');
});

test('the state folder is named once, before the commands that ask about what happened', () => {
  const commands = renderInvitation(place, lab, noColours)
    .split('\n')
    .filter((line) => /COFFRE_STATE|\/lab\/state| coffre /.test(line));
  expect(commands).toEqual([
    '    $ export COFFRE_STATE=/lab/state',
    '    $ npm run -s coffre -- explain ID',
    '    $ npm run -s coffre -- events',
    '    $ npm run -s coffre -- tap',
    '    $ npm run -s coffre -- top',
  ]);
});

test('clients are counted in plain English', () => {
  const published = { msg: 'published', time: '', revision: 'r1' };
  expect(renderControlLine({ ...published, proxies: 1 }, noColours)).toContain(' 1 client\n');
  expect(renderControlLine({ ...published, proxies: 7 }, noColours)).toContain(' 7 clients\n');
});

test('a problem is told whole, and told again when it is solved', () => {
  const problem = 'atelier/no-admin.yaml:10: spec.denny: unknown field; did you mean `deny`?';
  const line = { msg: 'problem', time: '', problem };
  expect(renderControlLine(line, noColours)).toBe(`▲ ${problem}\n`);
  expect(renderControlLine({ ...line, msg: 'problem solved' }, noColours)).toBe(`✓ solved: ${problem}\n`);
});

test('what each stream does is not told', () => {
  expect(renderControlLine({ msg: 'pushed', time: '', resources: 1 }, noColours)).toBe('');
});
