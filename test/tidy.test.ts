/**
 * The rules of the house, held: each failure names the rule, the place and the cure.
 *
 * The lists are here; the checkers that apply them are in tools/tidy, and test/tools/tidy proves that each can fail.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bareSetupFindings } from '../tools/tidy/bare-setup.ts';
import { decisionFindings } from '../tools/tidy/decisions.ts';
import { type Finding, formatFinding, type TidyFile } from '../tools/tidy/finding.ts';
import { type PurityRules, purityFindings } from '../tools/tidy/purity.ts';
import { type RoomTable, roomFindings } from '../tools/tidy/rooms.ts';
import { sizeFindings } from '../tools/tidy/sizes.ts';
import { type ForbiddenWord, wordFindings } from '../tools/tidy/words.ts';

/** Each room, and the other rooms it may import. Adding a word to a line is a decision: say why in the commit. */
const rooms: RoomTable = {
  // The pure core: data flows one way.
  model: [],
  policy: ['model', 'gen'],
  envoy: ['model', 'policy', 'gen'],
  proof: ['model', 'policy', 'envoy', 'xds', 'gen'],
  // Of use under any mesh: they know none, and report through ports they declare.
  http2: [],
  grpc: ['http2', 'gen'],
  xds: ['grpc', 'gen'],
  authz: ['grpc', 'gen'],
  oidc: [],
  telemetry: [],
  // The mesh's own machinery.
  identity: ['model', 'telemetry', 'gen'],
  chaos: ['model', 'policy', 'envoy', 'telemetry', 'gen'],
  evidence: ['model', 'grpc', 'telemetry', 'gen'],
  siem: ['model', 'evidence', 'telemetry'],
  watch: ['model', 'evidence', 'telemetry'],
  audit: ['model', 'evidence', 'telemetry'],
  folder: ['model', 'telemetry'],
  kube: ['model', 'policy', 'envoy', 'identity', 'telemetry'],
  controller: ['model', 'policy', 'envoy', 'proof', 'xds', 'identity', 'chaos', 'evidence', 'telemetry', 'gen'],
  // What an authorization worker knows, and how it answers by it.
  verdict: ['model', 'policy', 'authz', 'grpc', 'xds', 'identity', 'gen'],
  // What proxies really hold, seen through a door of their own.
  inspect: ['model', 'envoy', 'xds', 'gen'],
  // What replicas of a control plane tell each other: it knows proxies, and no mesh.
  peers: ['grpc', 'xds', 'gen'],
  // The doors.
  admin: [
    'config',
    'grpc',
    'model',
    'policy',
    'envoy',
    'proof',
    'xds',
    'identity',
    'chaos',
    'evidence',
    'watch',
    'audit',
    'controller',
    'inspect',
    'telemetry',
    'gen',
  ],
  cli: [
    'config',
    'model',
    'policy',
    'envoy',
    'authz',
    'proof',
    'folder',
    'kube',
    'chaos',
    'evidence',
    'audit',
    'controller',
    'admin',
  ],
  lab: 'everything',
  // The composition roots and what they read.
  config: ['model', 'envoy'],
  compose: 'everything',
  main: 'everything',
  'system-clock': [],
  worker: 'everything',
};

const purity: PurityRules = {
  pureRooms: ['model', 'policy', 'proof', 'envoy', 'watch', 'http2'],
  mixedRooms: [
    'peers',
    'xds',
    'authz',
    'verdict',
    'identity',
    'chaos',
    'controller',
    'evidence',
    'siem',
    'oidc',
    'inspect',
  ],
  effectfulModules: [
    ...[
      'fs',
      'net',
      'http',
      'http2',
      'https',
      'tls',
      'dgram',
      'dns',
      'child_process',
      'worker_threads',
      'timers',
      'cluster',
    ],
    ...['process', 'perf_hooks', 'sqlite', 'readline'],
  ]
    .map((name) => `node:${name}`)
    .concat('undici', '@grpc/grpc-js', 'pino'),
  harmlessNames: { 'node:net': ['isIP', 'isIPv4', 'isIPv6', 'BlockList'] },
  effectfulUses: [
    { name: 'Date.now', pattern: /\bDate\.now\b/g },
    { name: 'new Date() without an argument', pattern: /\bnew\s+Date\b(?!\s*\(\s*[^)\s])/g },
    { name: 'performance.now', pattern: /\bperformance\.now\b/g },
    { name: 'Math.random', pattern: /\bMath\.random\b/g },
    { name: 'a timer', pattern: /(?<![.\w])set(?:Timeout|Interval|Immediate)\b/g },
    { name: 'process', pattern: /(?<![.\w$'"])process(?:\.|\[)/g },
    { name: 'fetch', pattern: /(?<![.\w])fetch\s*\(/g },
    { name: 'randomness', pattern: /\b(?:randomUUID|randomBytes|randomInt|getRandomValues)\b/g },
  ],
};

const sizes = { linesMax: 500, linesCommon: 280 };

const testFiles = /\.test\.ts$/;
const forbidden: readonly ForbiddenWord[] = [
  {
    what: 'a path of somebody’s machine',
    pattern: /(?<![\w.$}/-])\/(?:home|Users)\/\w|(?<![\w.$}/-])\/(?:root|work)\/[\w.]/,
    cure: 'make it relative to the repository, or take it from the environment',
  },
  {
    what: 'the host name of a package registry',
    pattern: /registry\.npmjs\.|registry\.yarnpkg\.|\bpypi\.(?:org|python)|files\.pythonhosted\.|proxy\.golang\./,
    cure: 'leave the address to the client’s configuration',
  },
  {
    what: 'a marker of unfinished work',
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/,
    cure: 'finish it, or say as a plain sentence what falls short',
  },
  {
    what: 'a switched-off check',
    pattern: /@ts-(?:ignore|nocheck|expect-error)|biome-ignore|eslint-disable/,
    cure: 'write what the checker can accept',
  },
  {
    what: 'a test switched off or alone',
    pattern: /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:skip|only|todo)\b(?!If)/,
    cure: 'let it run; where the machine cannot, use skipIf with the reason in the name',
    within: testFiles,
  },
];
/** Files that hold the forbidden words because they name or try them. */
const speaksOfWords = ['test/tidy.test.ts', 'test/tools/tidy/words.test.ts'];

const repo = join(import.meta.dirname, '..');
/** What git tracks, and what it would if it were added: a breach is told before the commit, not after. */
const files: readonly TidyFile[] = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  {
    cwd: repo,
    encoding: 'utf8',
  },
)
  .split('\0')
  .filter((path) => path !== '')
  .flatMap((path) => readText(path));
const under = (prefix: string, end = ''): TidyFile[] =>
  files.filter(({ path }) => path.startsWith(prefix) && path.endsWith(end));

test('every room imports only the rooms it may', () => {
  expectNone(under('src/', '.ts').flatMap((file) => roomFindings(file, rooms)));
});

test('a file without the mark .io.ts in a pure or mixed room has no effects', () => {
  expectNone(under('src/', '.ts').flatMap((file) => purityFindings(file, purity)));
});

test('no source file is over 500 lines, and nine in ten are under 280', () => {
  expect(under('src/', '.ts').length).toBeGreaterThan(0);
  expectNone(sizeFindings(under('src/', '.ts'), sizes));
});

test('no file holds a machine path, a registry, a marker of unfinished work or a switched-off check', () => {
  const checked = files.filter(({ path }) => !speaksOfWords.includes(path) && path !== 'LICENSE');
  expectNone(checked.flatMap((file) => wordFindings(file, forbidden)));
});

test('decisions are numbered without gaps or doubles', () => {
  const names = under('docs/decisions/').map(({ path }) => path.slice('docs/decisions/'.length));
  expectNone(decisionFindings(names));
});

test('the set-up is plain JavaScript that needs nothing but Node', () => {
  expect(readdirSync(join(repo, 'tools/setup'))).toContain('main.mjs');
  expectNone(under('tools/setup/').flatMap(bareSetupFindings));
});

function expectNone(findings: readonly Finding[]): void {
  expect(findings.map(formatFinding)).toEqual([]);
}

/** Nothing for a binary file, and for one that was deleted and not yet committed. */
function readText(path: string): TidyFile[] {
  try {
    const text = readFileSync(join(repo, path), 'utf8');
    return text.includes('\0') ? [] : [{ path, text }];
  } catch {
    return [];
  }
}
