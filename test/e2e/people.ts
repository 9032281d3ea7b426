/**
 * People at a lab's control plane, with certificates of `coffre admin issue`, at the port where people come: with
 * `coffre` as it is, and with curl where somebody means harm.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { controlPlaneDnsName } from '../../src/admin/door-names.ts';
import type { MeshLab } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';

/** Longest that one command may take, in ms: on a loaded machine `coffre` alone starts in seconds. */
const commandMs = 30_000;

export interface Said {
  /** 0 where there was no answer at all. */
  readonly status: number;
  readonly body: {
    readonly code?: string;
    readonly message?: string;
    readonly advice?: string;
    readonly hash?: string;
  };
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export class People {
  readonly #mesh: MeshLab;

  constructor(mesh: MeshLab) {
    this.#mesh = mesh;
  }

  /** @param scope such as `--mesh` or `--tenant=shop`. */
  async issue(name: string, role: string, scope: string): Promise<void> {
    const state = ['--state', this.#mesh.stateFolder];
    const ran = await this.#coffre([
      'admin',
      'issue',
      '--name',
      name,
      '--role',
      role,
      scope,
      '--out',
      this.#folder(name),
      ...state,
    ]);
    if (ran.code !== 0) throw new Error(`no certificate for ${name}: ${ran.err}`);
  }

  /** What the person's own command line says. */
  coffre(name: string, ...args: readonly string[]): Promise<Ran> {
    return this.#coffre([...args, '--admin', this.#mesh.peopleAddress, '--as', this.#folder(name)]);
  }

  /** @param name undefined: without a certificate. */
  async post(name: string | undefined, method: string, body: object, headers: readonly string[] = []): Promise<Said> {
    const certificate = (file: string) => join(this.#folder(name ?? ''), file);
    const [address = '', port = ''] = this.#mesh.peopleAddress.split(':');
    const own = name === undefined ? [] : ['--cert', certificate('person.crt'), '--key', certificate('person.key')];
    const ran = await this.#run([
      'curl',
      ...['-s', '-k', '-m', '10', '-w', '\n%{http_code}', '--resolve', `${controlPlaneDnsName}:${port}:${address}`],
      ...own,
      ...['content-type: application/json', ...headers].flatMap((header) => ['-H', header]),
      ...['-d', JSON.stringify(body), `https://${controlPlaneDnsName}:${port}/v1/${method}`],
    ]);
    const lines = ran.out.split('\n');
    const status = Number(lines.pop());
    return { status, body: status === 0 ? {} : JSON.parse(lines.join('\n')) };
  }

  #folder(name: string): string {
    return join(this.#mesh.lab.privateDir, 'people', name);
  }

  #coffre(args: readonly string[]): Promise<Ran> {
    return this.#run([process.execPath, fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)), ...args]);
  }

  async #run(argv: readonly string[]): Promise<Ran> {
    const ran = await this.#mesh.lab.run({ in: hostPlace, argv, confined: false, timeoutMs: commandMs });
    return { code: ran.code, out: ran.stdout, err: ran.stderr };
  }
}
