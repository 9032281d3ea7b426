/**
 * `npm run conformance [-- --repeat 20] [-- --peer]`: the xDS conformance suite, and its table.
 *
 *   vitest, project conformance ──▶ one JSON line per case and variant ──▶ a row per case
 *
 * `--peer` runs it also on a go-control-plane server (bench/peers, built with `go`), once with its ADS mode and once
 * without, and tells what differs. `--results FILE` keeps the lines; `-t XDS-53` and a file name choose among the cases.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type Column, differences, parseResults, type Result, table } from './conformance-table.ts';

/** How long a peer may take over an answer that must come, in ms: many of ours it does not give at all. */
const peerWaitMs = 2_000;

const repository = join(import.meta.dirname, '..');
const peerSource = join(repository, 'bench/peers/go-control-plane');
const peerBinary = join(repository, '.cache/peers/go-control-plane');

const { values, positionals } = parseArgs({
  options: {
    repeat: { type: 'string', default: '1' },
    peer: { type: 'boolean', default: false },
    results: { type: 'string' },
    'test-name': { type: 'string', short: 't' },
  },
  allowPositionals: true,
});
const named = values['test-name'] === undefined ? [] : ['-t', values['test-name']];
const scratch = mkdtempSync(join(tmpdir(), 'coffre-conformance-'));
try {
  const ours = await runSuite('coffre', {});
  const columns: Column[] = [ours.column];
  if (values.peer) {
    buildPeer();
    for (const ads of [true, false]) columns.push(await runOnPeer(ads));
  }
  console.log(table(columns));
  if (values.peer) console.log(differences(columns));
  if (values.results !== undefined) {
    const lines = columns.flatMap(({ name, results }) => results.map((result) => ({ server: name, ...result })));
    writeFileSync(values.results, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  process.exitCode = ours.passed ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

interface Run {
  readonly column: Column;
  readonly passed: boolean;
}

async function runSuite(name: string, env: Readonly<Record<string, string>>): Promise<Run> {
  const file = join(scratch, `${name}.jsonl`);
  writeFileSync(file, '');
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--project', 'conformance', ...positionals, ...named], {
    cwd: repository,
    env: {
      ...process.env,
      COFFRE_CONFORMANCE_REPEAT: values.repeat,
      COFFRE_CONFORMANCE_RESULTS: file,
      ...env,
    },
    // Standard output is the table's. A peer's failures are what it tells; ours are for a person to read.
    stdio: env['COFFRE_XDS_UNDER_TEST'] === undefined ? ['ignore', 2, 2] : 'ignore',
  });
  const [code] = await once(child, 'close');
  const results: readonly Result[] = parseResults(readFileSync(file, 'utf8'));
  return { column: { name, results }, passed: code === 0 && results.length > 0 };
}

function buildPeer(): void {
  const args = ['build', '-trimpath', '-o', peerBinary, '.'];
  const { status } = spawnSync('go', args, {
    cwd: peerSource,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the peer could not be built: it needs `go` 1.26 and its modules');
}

async function runOnPeer(ads: boolean): Promise<Column> {
  const peer = spawn(peerBinary, [`-ads=${ads}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const { address, adapter } = JSON.parse(await firstLineOf(peer));
    const name = `go-control-plane${ads ? ', ADS mode' : ''}`;
    const env = {
      COFFRE_XDS_UNDER_TEST: address,
      COFFRE_XDS_ADAPTER: adapter,
      COFFRE_CONFORMANCE_WAIT_MS: String(peerWaitMs),
    };
    return (await runSuite(name, env)).column;
  } finally {
    peer.kill();
  }
}

async function firstLineOf({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the peer has no standard output');
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error('the peer ended before it served');
}
