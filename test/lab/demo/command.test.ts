import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { inPod, shellLine } from '../../../src/lab/demo/command.ts';
import { parseCurl } from '../../../src/lab/demo/curl-answer.ts';

test.each([
  [['curl', '-si', 'http://api/ok']],
  [['sh', '-c', `printf "it's \\r\\n" | wc -c`]],
  [['echo', '$HOME', 'a b', '', '*', '[::1]']],
])('a shell reads the printed line of %j as the words that the check ran', (argv) => {
  const words = shellLine(inPod('atelier/web-1', ...argv), 'x1').replace(
    'npm run -s lab -- exec --lab x1 atelier/web-1 --',
    '',
  );
  const read = execFileSync('sh', ['-c', `printf '%s\\0' ${words}`], { encoding: 'utf8' });
  expect(read.split('\0').slice(0, -1)).toEqual(argv);
});

test('a command with the powers of the lab says so', () => {
  expect(shellLine({ ...inPod('host', 'id'), unconfined: true }, 'x1')).toBe(
    'npm run -s lab -- exec --lab x1 --unconfined host -- id',
  );
});

test('the head that curl prints is read, names of headers without case', () => {
  const answer = parseCurl('HTTP/2 403 \r\nX-Coffre-Decision: a1\r\n\r\nRBAC: access denied');
  expect([answer.version, answer.status, answer.header('x-coffre-decision'), answer.body]).toEqual([
    'HTTP/2',
    403,
    'a1',
    'RBAC: access denied',
  ]);
});

test('no answer has status 0', () => {
  expect(parseCurl('').status).toBe(0);
});
