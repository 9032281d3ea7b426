import { expect, test } from 'vitest';
import { enter } from '../../src/lab/enter.ts';

const pod = { netns: 'pod1', hostsPath: '/run/pods/pod1/hosts', resolvPath: '/run/pods/pod1/resolv.conf' };
const privateDir = "/tmp/it's/private";

test('an unconfined process beside the bridge is the program itself', () => {
  expect(enter({ confined: false, privateDir }, ['ip', 'link'])).toEqual(['ip', 'link']);
});

test('a confined process of a pod gives up its power last, after all that takes power', () => {
  const argv = enter({ pod, confined: true, privateDir }, ['curl', '$(id)']);
  expect(argv.slice(0, 3)).toEqual(['nsenter', '--net=/run/netns/pod1', '--']);
  expect(argv.slice(-4)).toEqual(['--no-new-privs', '--', 'curl', '$(id)']);
  expect(argv.indexOf('setpriv')).toBeGreaterThan(argv.indexOf('unshare'));
});

test('paths are quoted for the shell that mounts, and the program never passes through it as text', () => {
  const script = enter({ pod, confined: true, privateDir }, ['curl', '$(id)']).find((word) => word.startsWith('mount'));
  expect(script).toContain("'/tmp/it'\\''s/private'");
  expect(script).not.toContain('$(id)');
  expect(script).toMatch(/&& exec "\$@"$/);
});
