/** A real PostgreSQL for tests: Debian's, with a fresh cluster in a folder, on a port of loopback and on a socket. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { postgresBinaries } from '../../../src/lab/postgres.ts';
import { freePort } from '../../fixtures/free-port.ts';

/** PostgreSQL refuses to be root: it is nobody then. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const startMs = 60_000;
const password = 'only for tests';

export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  readonly #binaries: string;
  readonly #settings: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(folder: string, port: number, binaries: string, settings: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.port = port;
    this.#binaries = binaries;
    this.#settings = settings;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
    const binaries = postgresBinaries();
    if (binaries === undefined)
      throw new Error('there is no PostgreSQL here; install it with `apt-get install postgresql`');
    const folder = mkdtempSync(join(tmpdir(), 'coffre-pg-'));
    const server = new PostgresServer(folder, await freePort(), binaries, settings);
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, password);
    giveToServer(folder, passwordFile);
    const init = ['-D', join(folder, 'data'), '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
    const auth = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`];
    const [program = '', ...argv] = asNobody([join(binaries, 'initdb'), ...init, ...auth]);
    execFileSync(program, argv, { stdio: 'pipe', timeout: startMs, killSignal: 'SIGKILL' });
    await server.run();
    return server;
  }

  async run(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: `${this.port}`,
      unix_socket_directories: this.folder,
      shared_buffers: '16MB',
      ...this.#settings,
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [program = '', ...argv] = asNobody([
      join(this.#binaries, 'postgres'),
      '-D',
      join(this.folder, 'data'),
      ...options,
    ]);
    this.#process = spawn(program, argv, { stdio: 'ignore' });
    const giveUpMs = performance.now() + startMs;
    for (;;) {
      try {
        await this.sql('postgres', 'SELECT 1');
        return;
      } catch (error) {
        if (performance.now() > giveUpMs) throw error;
        await delay(50);
      }
    }
  }

  /** kill -9 of the server and of each of its sessions; what it had not written is lost. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    const exited = once(running, 'exit');
    const pidFile = join(this.folder, 'data', 'postmaster.pid');
    const sessions = childrenOf(running.pid); // setpriv became the server
    running.kill('SIGKILL');
    await exited;
    // A session that has not noticed yet would commit once more.
    for (const pid of sessions) endNow(pid);
    while (sessions.some(isAlive)) await delay(1);
    rmSync(pidFile, { force: true });
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** @returns its name. */
  async makeDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `store_${this.#databases}`;
    await this.sql('postgres', `CREATE DATABASE ${name}`);
    return name;
  }

  addressOf(database: string, { user = 'postgres', secret = password } = {}): string {
    return `postgres://${user}:${encodeURIComponent(secret)}@127.0.0.1:${this.port}/${database}`;
  }

  /** As somebody who may do everything. @returns rows of the last statement. */
  async sql(database: string, text: string): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ host: this.folder, port: this.port, user: 'postgres', database });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const result = await client.query<Record<string, unknown>>(text);
      return Array.isArray(result) ? result.at(-1).rows : result.rows;
    } finally {
      await client.end();
    }
  }
}

function childrenOf(pid = 0): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** Whoever nobody waits for stays as a zombie, which commits nothing. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Lets the server, and nobody else, read what we made. */
export function giveToServer(...paths: readonly string[]): void {
  for (const path of paths) {
    chmodSync(path, statSync(path).isDirectory() ? 0o700 : 0o600);
    if (isRoot) chownSync(path, nobody, nobody);
  }
}

function asNobody(argv: readonly string[]): readonly string[] {
  return isRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--', ...argv] : argv;
}
