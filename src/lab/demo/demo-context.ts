/** What a check may do and look at: the mesh, commands in its pods, and the three witnesses. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppProcess, AppSighting } from '../app-process.ts';
import type { Capture } from '../capture.ts';
import type { RunResult } from '../lab.ts';
import { fromLoopback } from '../loopback-plan.ts';
import type { MeshLab } from '../mesh-lab.ts';
import { labName } from '../run-directory.ts';
import { database } from './addresses.ts';
import { equipAttacker } from './attacker.ts';
import { type DemoPlace, NotShown } from './check.ts';
import type { PodCommand } from './command.ts';
import { type DemoTenant, demoTenants, type IdentityProviders } from './identity-providers.ts';
import { type AccessLine, type ControlLine, readJsonLines } from './json-lines.ts';
import { dieWithLastOrders, type LastOrders } from './last-orders.ts';
import { until } from './until.ts';

/** Longest run of one command, in ms. Every command of the demo ends by itself within about a second. */
const commandMs = 10_000;
/** Longest wait for a line that a sidecar or the control plane writes, in ms. Sidecars flush every 50 ms. */
const logLineMs = 3_000;
/** What shells answer for a program that is not there. */
const noSuchProgram = 127;
const noOpenssl = 'there is no `openssl` on this machine; install openssl';
const noProviderOnLoopback = 'a worker dials no identity provider on loopback; why: docs/identity-providers.md';

/** An application that is watched, in the mesh or beside it. */
export interface Watched {
  readonly key: string;
  readonly app: AppProcess;
  /** Where its own pod reaches it, past any sidecar. */
  readonly appAddress: string;
  /** Where it listens first. */
  readonly port: number;
}

export interface Reached<Result> {
  readonly result: Result;
  /** All that came to the application meanwhile. */
  readonly sightings: readonly AppSighting[];
}

/** What stands around the mesh; absent where this machine cannot play it. */
export interface Surroundings {
  /** What the mesh may call outside. */
  readonly outside: Watched | undefined;
  readonly providers: IdentityProviders | undefined;
}

export class DemoContext {
  readonly mesh: MeshLab;
  readonly #around: Surroundings;
  #armed: Promise<void> | undefined;
  #signedIn: Promise<void> | undefined;
  #lastOrders: Promise<LastOrders> | undefined;

  constructor(mesh: MeshLab, around: Surroundings) {
    this.mesh = mesh;
    this.#around = around;
  }

  get place(): DemoPlace {
    const { mesh } = this;
    return {
      lab: labName(mesh.lab.dir),
      mesh: mesh.folder,
      attacker: join(mesh.lab.dir, 'attacker'),
      people: join(mesh.lab.dir, 'people'),
      pidFiles: { controlPlane: mesh.pidFile('coffre'), authz: mesh.pidFile('authz') },
      state: mesh.stateFolder,
      database: mesh.pod(database.key).isPostgres ? 'postgres' : 'greeter',
    };
  }

  /** Puts into `place.attacker` what an attacker holds; once. */
  armAttacker(): Promise<void> {
    this.#armed ??= equipAttacker(this.mesh, this.place.attacker);
    return this.#armed;
  }

  /** Puts into `place.people` the header that shows Ada's token, one of each provider; once. @throws NotShown where none could be played. */
  signIn(): Promise<void> {
    this.#signedIn ??= this.#signInEverywhere();
    return this.#signedIn;
  }

  /** The death of the control plane that two rows watch; the first that asks brings it about. */
  lastOrders(): Promise<LastOrders> {
    this.#lastOrders ??= dieWithLastOrders(this);
    return this.#lastOrders;
  }

  async #signInEverywhere(): Promise<void> {
    const { providers } = this.#around;
    if (providers === undefined) throw new NotShown(this.onLoopback ? noProviderOnLoopback : noOpenssl);
    const { people } = this.place;
    mkdirSync(people);
    const write = async (tenant: DemoTenant) => {
      const token = await providers.tokenOf(tenant, 'ada');
      writeFileSync(join(people, `${tenant}.header`), `authorization: Bearer ${token}\n`, { mode: 0o600 });
    };
    await Promise.all(demoTenants.map(write));
  }

  /** @throws NotShown where the program is not installed. */
  async exec(command: PodCommand): Promise<RunResult> {
    const { in: place, argv, unconfined = false } = command;
    const done = await this.mesh.lab.run({ in: place, argv, confined: !unconfined, timeoutMs: commandMs });
    if (done.timedOut) throw new Error(`\`${argv.join(' ')}\` had not ended after ${commandMs} ms`);
    if (done.code === noSuchProgram) throw new NotShown(`this machine lacks a program: ${done.stderr.trim()}`);
    return done;
  }

  watched(key: string): Watched {
    const { app, appAddress, ports } = this.mesh.pod(key);
    return { key, app, appAddress, port: ports[0]?.port ?? 0 };
  }

  /** @throws NotShown where it could not be played. */
  get outside(): Watched {
    const { outside } = this.#around;
    if (outside === undefined) throw new NotShown(noOpenssl);
    return outside;
  }

  /**
   * First witness: what reached an application while `act` ran.
   * Afterwards a connection of our own goes to it past the mesh: it must be in the log, or the log cannot testify.
   */
  async reached<Result>({ key, app, appAddress, port }: Watched, act: () => Promise<Result>): Promise<Reached<Result>> {
    const before = app.sightings().length;
    const result = await act();
    const fence = await this.#dial(key, `http://${appAddress}:${port}/fence`);
    const seen = app.sightings().slice(before);
    if (!seen.some(({ peerPort }) => peerPort === fence))
      throw new Error(`the log of \`${key}\` missed our own connection, so it proves nothing`);
    return { result, sightings: seen.filter(({ peerPort }) => peerPort !== fence) };
  }

  /** @returns the port we came from, whatever protocol is spoken there and however it takes HTTP. */
  async #dial(key: string, url: string): Promise<number> {
    const argv = ['curl', '-s', '-o', '/dev/null', '-m', '5', '-w', '%{local_port}', url];
    return Number((await this.exec({ in: key, argv })).stdout);
  }

  /** Second witness: packets on a pod's link while `act` ran. The capture's own fence proves that none was missed. */
  async onTheWire<Result>(
    key: string,
    filter: string,
    act: (capture: Capture) => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly packets: readonly string[] }> {
    const capture = await this.mesh.lab.capture({ in: key, filter });
    try {
      const result = await act(capture);
      return { result, packets: await capture.packets() };
    } finally {
      await capture.stop();
    }
  }

  /** Third witness: the first line that a sidecar writes after this call and that `matches`. Call it before acting. */
  accessLog(key: string): { next(what: string, matches: (line: AccessLine) => boolean): Promise<AccessLine> } {
    const path = this.mesh.sidecar(key).process.stdoutPath;
    const lines = () => readJsonLines<AccessLine>(path).map((line) => this.#inPlan(line));
    const before = lines().length;
    return {
      next: (what, matches) =>
        until(`a line about ${what} in the access log of \`${key}\``, logLineMs, () =>
          lines().slice(before).find(matches),
        ),
    };
  }

  /** Without namespaces, and so without interception. */
  get onLoopback(): boolean {
    return this.mesh.lab.mode === 'loopback';
  }

  /** On loopback a program that chooses no address calls from 127.0.0.1, whoever it is; there one row runs at a time. */
  cameFrom({ source }: AccessLine, address: string): boolean {
    return source.startsWith(`${address}:`) || (this.onLoopback && source.startsWith('127.0.0.1:'));
  }

  /** Addresses in the words of the plan, which the rows speak. */
  #inPlan(line: AccessLine): AccessLine {
    if (!this.onLoopback) return line;
    const { ipv4 } = this.mesh.lab.host;
    return {
      ...line,
      source: fromLoopback(line.source, ipv4),
      destination: fromLoopback(line.destination, ipv4),
    };
  }

  /** Lines of the control plane since it last started. */
  controlLog(): readonly ControlLine[] {
    return readJsonLines<ControlLine>(this.mesh.controlPlane.stdoutPath);
  }
}
