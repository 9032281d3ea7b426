/**
 * One round of one case on one server: a node of its own, what it is told, the clients it opens, and what was noted.
 *
 * Silence is not waited for: `silence` makes the server say something known, on the same stream and behind all that was
 * said before, and fails if anything else arrives first. The long form then also listens for a while.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import {
  type AdapterClient,
  type Caller,
  type CounterName,
  type Judgement,
  type LimitName,
  NotOffered,
  type ServerDescription,
  type TypeReport,
} from './adapter.ts';
import { type Door, openDelta, openSotw, type ProtocolName } from './ads-stream.ts';
import { type Contents, type TypeName, typeUrlOf, wireResources } from './contents.ts';
import { DeltaSession } from './delta-session.ts';
import type { Pace } from './pace.ts';
import type { Answer, Claims, Session } from './session.ts';
import { answerWaitMs } from './settings.ts';
import { SotwSession } from './sotw-session.ts';

/** A runtime layer that exists in every state: RTDS is what a server may hold back for nothing else. */
const fence = 'fence';

/** How long the long form listens behind a fence, in ms. */
const listenMs = 500;

/** Longest time that is really waited for on a server without an injected clock, in ms. */
const realWaitMsMax = 5_000;

export interface TrialOptions {
  readonly address: string;
  readonly adapter: AdapterClient;
  readonly description: ServerDescription;
  readonly protocol: ProtocolName;
  readonly node: string;
  readonly pace: Pace;
  /** Whether `silence` also listens. */
  readonly listens: boolean;
}

export class Trial {
  readonly #options: TrialOptions;
  readonly #opened: { close(): void }[] = [];
  readonly #fenced = new WeakSet<Session>();
  /** What the verdict does not say. */
  readonly notes = new Set<string>();

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  get node(): string {
    return this.#options.node;
  }

  get protocol(): ProtocolName {
    return this.#options.protocol;
  }

  get server(): ServerDescription {
    return this.#options.description;
  }

  get address(): string {
    return this.#options.address;
  }

  /** Replaces everything the node may be told. */
  async set(contents: Contents, { revision = 'r', node = this.node } = {}): Promise<void> {
    await this.#options.pace.delay();
    await this.#tell(contents, { revision, node, checked: false });
  }

  /** The same, if all that is referred to is there. @returns the faults for which it was not taken. */
  setChecked(contents: Contents): Promise<readonly string[]> {
    return this.#tell(contents, { revision: 'checked', node: this.node, checked: true });
  }

  #tell(contents: Contents, { revision, node, checked }: { revision: string; node: string; checked: boolean }) {
    const fenced = { ...contents, runtime: { [fence]: 'here', ...contents.runtime } };
    const types = (Object.keys(fenced) as TypeName[]).map(typeUrlOf);
    return this.#options.adapter.set({ node, revision, types, resources: wireResources(fenced), checked });
  }

  /** Two resources of one name, as two authors might define them. */
  async setTwice(type: TypeName, name: string, words: readonly [string, string]): Promise<void> {
    const resources = words.flatMap((word) => wireResources({ [type]: { [name]: word } }));
    const fenced = [...resources, ...wireResources({ runtime: { [fence]: 'here' } })];
    const types = [typeUrlOf(type), typeUrlOf('runtime')];
    await this.#options.adapter.set({ node: this.node, revision: 'twice', types, resources: fenced });
  }

  /** The same content under ever new revisions. */
  async repeat(contents: Contents, times: number): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      await this.#tell(contents, { revision: `r${count}`, node: this.node, checked: false });
    }
  }

  delete(): Promise<void> {
    return this.#options.adapter.delete(this.node);
  }

  /** Lets time pass: at once where the clock is injected. */
  async pass(ms: number): Promise<void> {
    if (this.server.clock) return this.#options.adapter.pass(ms);
    if (ms > realWaitMsMax) throw new NotOffered(`${ms} ms would have to be waited for: the clock is not injected`);
    await sleep(ms);
  }

  limit(name: LimitName): number {
    const limit = this.server.limits[name];
    if (limit === undefined) throw new NotOffered(`the server states no bound \`${name}\``);
    return limit;
  }

  judge(judgement: Judgement): Promise<void> {
    return this.#options.adapter.judge(this.node, judgement);
  }

  replica(): Promise<string> {
    return this.#options.adapter.replica();
  }

  ready(): Promise<void> {
    return this.#options.adapter.ready();
  }

  callers(): Promise<readonly Caller[]> {
    return this.#options.adapter.callers();
  }

  /** What the server says of a type on the oldest stream of the node. */
  async report(type: TypeName): Promise<TypeReport | undefined> {
    const [first] = await this.#options.adapter.report(this.node);
    return first?.types.find(({ typeUrl }) => typeUrl === typeUrlOf(type));
  }

  /** Resolves once the server has taken the ACK of this version. */
  async acknowledged(type: TypeName, version: string): Promise<void> {
    const acked = async () => (await this.report(type))?.ackedVersion;
    await expect.poll(acked, { interval: 5, timeout: answerWaitMs }).toBe(version);
  }

  async typesReported(): Promise<number> {
    return (await this.#options.adapter.report(this.node))[0]?.types.length ?? 0;
  }

  /** @returns undefined, with a note, where the server does not count it. */
  async count(name: CounterName, node = this.node): Promise<number | undefined> {
    const value = (await this.#options.adapter.counters(node))[name];
    if (value === undefined) this.notes.add(`\`${name}\` is not counted`);
    return value;
  }

  /** The counter comes to this value, if the server has it. */
  async counts(name: CounterName, value: number, node = this.node): Promise<void> {
    if ((await this.count(name, node)) === undefined) return;
    await expect.poll(() => this.count(name, node), { interval: 5, timeout: answerWaitMs }).toBe(value);
  }

  /** Nothing is left of any stream. */
  async keepsNothing(): Promise<void> {
    const kept = () => this.#options.adapter.streamsKept();
    await expect.poll(kept, { interval: 100, timeout: answerWaitMs }).toBe(0);
  }

  /** The operator hears that these were asked for and not there: nothing else, in this order. */
  async hearsOfAbsent(type: TypeName, names: readonly string[]): Promise<void> {
    const asked = async () =>
      (await this.#options.adapter.absentAsks(this.node))
        .filter(({ typeUrl }) => typeUrl === typeUrlOf(type))
        .flatMap((ask) => ask.names);
    await expect.poll(asked, { interval: 5, timeout: answerWaitMs }).toEqual(names);
  }

  open({ address = this.address, ...claims }: Partial<Claims> & { address?: string } = {}): Session {
    const kind = this.protocol === 'sotw' ? SotwSession : DeltaSession;
    return this.#keep(new kind({ address }, { id: this.node, ...claims }, this.#options.pace));
  }

  /** A stream that says only what it is told to say. */
  stream(door: Partial<Door> = {}) {
    const open = this.protocol === 'sotw' ? openSotw : openDelta;
    return this.#keep(open({ address: this.address, ...door }));
  }

  #keep<T extends { close(): void }>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }

  close(): void {
    for (const opened of this.#opened) opened.close();
  }

  /** Asks for these runtime layers and the fence: a server may wait until all that there is of a type is asked for. */
  watch(session: Session, layers: readonly string[]): void {
    session.subscribe('runtime', [...layers, fence]);
    this.#fenced.add(session);
  }

  /** Nothing was said that was not taken from the session yet. */
  async silence(session: Session): Promise<void> {
    await this.#passFence(session);
    if (!this.#options.listens) return;
    await sleep(listenMs);
    await this.#passFence(session);
  }

  /** Silence, or a response without a resource: some clients want one to a first request. */
  async nothingNew(session: Session, type: TypeName): Promise<void> {
    this.watch(session, []);
    let answer = await session.next();
    if (answer.type === type) {
      expect([answer.resources, answer.removed]).toEqual([{}, []]);
      session.ack(answer);
      answer = await session.next();
    }
    expect(answer.type).toBe('runtime');
    session.ack(answer);
  }

  /** Asked for anew, a layer comes again though it did not change. */
  async #passFence(session: Session): Promise<void> {
    if (this.#fenced.has(session)) session.unsubscribe('runtime', [fence]);
    this.#fenced.add(session);
    session.subscribe('runtime', [fence]);
    const answer = await session.next();
    expect(answer, 'silence was due').toMatchObject({ type: 'runtime', resources: { [fence]: 'here' } });
    session.ack(answer);
  }

  /** The next answer, which must be of this type, acknowledged. */
  async accept(session: Session, type: TypeName): Promise<Answer> {
    const answer = await session.next();
    expect(answer.type).toBe(type);
    session.ack(answer);
    return answer;
  }
}
