/**
 * One authorization worker: fed by xDS, remembering on disk, answering Envoy.
 *
 *   ADS ──▶ Knowledge ──┬──▶ judge ◀── Check ── Envoy
 *                       └──▶ sealed on disk ──▶ the next start, control plane or not
 *
 * Not a child of the control plane's life: it begins to serve as soon as it knows a certificate and a policy, from
 * wherever it has them, and goes on with what it has for as long as it may believe it. What it acknowledges it will know
 * again after it was killed, or a right that was taken away would be back with it. It leaves in two steps: `drain`
 * sends callers elsewhere by the answers they get, `stop` closes the door behind them.
 */
import { type AuthzService, createAuthzService } from '../authz/authz-service.io.ts';
import type { Clock as CheckClock } from '../authz/checker.ts';
import { defaultCheckLimits } from '../authz/limits.ts';
import type { Observer } from '../authz/observer.ts';
import type { BindResult } from '../grpc/door.ts';
import { createLeanServer, type LeanServer } from '../grpc/lean-server.ts';
import { Redacted } from '../identity/redacted.ts';
import { programTypeUrl } from '../policy/program.ts';
import {
  DeltaClient,
  type DeltaClientEvent,
  type DeltaClientOptions,
  type Subscription,
} from '../xds/delta-client.io.ts';
import { initialVersions, nothingHeld, takeResponse } from '../xds/delta-holdings.ts';
import type { Clock as TimerClock } from '../xds/ports.ts';
import type { KeyKeeper, TokenVerifier } from './bearer-token.ts';
import {
  bookOf,
  decodeIdentity,
  decodeProgram,
  type Knowledge,
  type ServingIdentity,
  secretTypeUrl,
  workerIdentitySecret,
} from './knowledge.ts';
import type { KnowledgeKeeper } from './knowledge-keeper.io.ts';
import { policyJudge } from './policy-judge.ts';
import { bookState, type ProgramBook, programAgeMaxMs, providersIn } from './program-book.ts';

/** How often a connected worker writes down that its knowledge is still vouched for, in ms. */
const confirmMs = 60_000;
/** Longest that an acknowledgement waits for the disk, in ms: a disk that hangs may not keep what comes next away. */
export const keptWaitMs = 1_000;
/** Before the address is tried again that could not be listened on, in ms. */
const listenAgainMs = 1_000;

export interface AuthzWorkerOptions {
  readonly listen: string;
  /** Anchor for the sidecars' certificates, PEM. */
  readonly clientCaPem: string;
  readonly keeper: KnowledgeKeeper;
  readonly observer: Observer;
  /** Who says what a request's token says. */
  readonly tokens: TokenVerifier;
  /** Who has their keys at hand before a token comes. */
  readonly keys: KeyKeeper;
  readonly clock: CheckClock & TimerClock;
  readonly ads: Pick<DeltaClientOptions, 'connect' | 'node' | 'random'>;
  readonly report: WorkerReport;
}

export interface WorkerReport {
  serving(address: string, revision: string): void;
  xds(event: DeltaClientEvent): void;
  /** What was remembered cannot be believed; the worker waits for the control plane. */
  memoryRefused(why: string): void;
  failed(what: string, cause: unknown): void;
}

export class AuthzWorker {
  readonly #options: AuthzWorkerOptions;
  readonly #client: DeltaClient;
  readonly #service: AuthzService;
  #knowledge: Knowledge = { programs: nothingHeld(), identities: nothingHeld(), confirmedAtMs: 0 };
  #book: ProgramBook | undefined;
  #server: LeanServer | undefined;
  #connected = false;
  #leaving = false;
  /** Types whose newest response was refused: what is held of them is not what the control plane says. */
  readonly #refused = new Set<string>();
  #cancelConfirm: () => void = () => undefined;
  #cancelListen: () => void = () => undefined;
  #cancelStale: () => void = () => undefined;

  constructor(options: AuthzWorkerOptions) {
    this.#options = options;
    this.#service = createAuthzService({
      judge: policyJudge({ tokens: options.tokens, book: () => this.#book, nowMs: () => options.clock.nowMs() }),
      observer: options.observer,
      limits: defaultCheckLimits,
      clock: options.clock,
    });
    this.#client = new DeltaClient({
      ...options.ads,
      connect: () => {
        this.#forgetTooOld();
        return options.ads.connect();
      },
      clock: options.clock,
      subscriptions: [this.#identitySubscription(), this.#programSubscription()],
      observe: (event) => this.#observe(event),
    });
  }

  async start(): Promise<void> {
    const remembered = await this.#options.keeper.recall();
    if (remembered.kind === 'refused') this.#options.report.memoryRefused(remembered.why);
    if (remembered.kind === 'knowledge') this.#know(remembered.knowledge);
    this.#client.start();
    this.#confirmLater();
  }

  /** Answers whoever still asks, by the newest policies as ever, and tells them to ask another worker. @param ms how long. */
  async drain(ms: number): Promise<void> {
    this.#leaving = true;
    if (this.#server === undefined) return;
    this.#tellHealth();
    await new Promise<void>((resolve) => this.#options.clock.setTimer(ms, resolve));
  }

  /** Stops taking checks, answers those that are open, and writes down what it knows. */
  async stop(graceMs: number): Promise<void> {
    this.#cancelConfirm();
    this.#cancelListen();
    this.#cancelStale();
    this.#client.stop();
    this.#service.setPhase('draining');
    await this.#server?.close(graceMs);
    this.#options.keys.stop();
    await this.#options.keeper.settled();
  }

  /** Asked for whole on every stream, though it is held: the answer is how the worker learns that it was admitted. */
  #identitySubscription(): Subscription {
    return {
      typeUrl: secretTypeUrl,
      initialVersions: () => ({}),
      take: (response) => {
        const taken = takeResponse(this.#knowledge.identities, response, decodeIdentity);
        if (taken.kind === 'ack') this.#learn({ ...this.#knowledge, identities: taken.holdings });
        return taken;
      },
      kept: () => this.#kept(),
    };
  }

  #programSubscription(): Subscription {
    return {
      typeUrl: programTypeUrl,
      initialVersions: () => initialVersions(this.#knowledge.programs),
      take: (response) => {
        const taken = takeResponse(this.#knowledge.programs, response, decodeProgram);
        const confirmedAtMs = this.#options.clock.nowMs();
        if (taken.kind === 'ack') this.#learn({ ...this.#knowledge, programs: taken.holdings, confirmedAtMs });
        return taken;
      },
      kept: () => this.#kept(),
    };
  }

  async #kept(): Promise<void> {
    const { clock, keeper } = this.#options;
    const waited = Promise.withResolvers<void>();
    const cancel = clock.setTimer(keptWaitMs, waited.resolve);
    await Promise.race([keeper.settled(), waited.promise]);
    cancel();
  }

  #learn(knowledge: Knowledge): void {
    this.#know(knowledge);
    this.#options.keeper.keep(knowledge);
  }

  /** What may not be believed any more is asked for whole, so that the answer is an answer even where nothing changed. */
  #forgetTooOld(): void {
    if (bookState(this.#book, this.#options.clock.nowMs()).kind !== 'too-old') return;
    this.#know({ ...this.#knowledge, programs: nothingHeld() });
  }

  #know(knowledge: Knowledge): void {
    const before = this.#identity();
    const hasOtherPrograms = knowledge.programs !== this.#knowledge.programs;
    this.#knowledge = knowledge;
    this.#book = bookOf(knowledge);
    if (hasOtherPrograms) this.#options.keys.keep(providersIn(this.#book));
    const identity = this.#identity();
    if (identity === undefined) return;
    if (this.#server === undefined) this.#serve(identity);
    else if (identity.certificateChainPem !== before?.certificateChainPem) this.#rotate(this.#server, identity);
    if (this.#server !== undefined) this.#tellHealth();
  }

  /** Health says what checks are answered: what is too old to be believed makes it not serving, to the millisecond. */
  #tellHealth(): void {
    this.#cancelStale();
    const nowMs = this.#options.clock.nowMs();
    const state = bookState(this.#book, nowMs);
    this.#service.setPhase(this.#leaving ? 'draining' : state.kind === 'fresh' ? 'ready' : 'stale');
    if (state.kind !== 'fresh') return;
    const staleAtMs = state.book.confirmedAtMs + programAgeMaxMs + 1;
    this.#cancelStale = this.#options.clock.setTimer(staleAtMs - nowMs, () => this.#tellHealth());
  }

  #identity(): ServingIdentity | undefined {
    return this.#knowledge.identities.held.get(workerIdentitySecret)?.value;
  }

  /** Begins as soon as there is a policy to judge by. */
  #serve(identity: ServingIdentity): void {
    if (this.#book === undefined) return;
    const { listen, report } = this.#options;
    try {
      const server = createLeanServer({ address: listen, tls: this.#tls(identity), requireClientCertificate: true });
      this.#server = server;
      this.#service.addTo(server);
      const { revision } = this.#book;
      void server.bind().then((bound: BindResult) => {
        if (bound.kind === 'bound') return report.serving(bound.address, revision);
        report.failed('listen', new Error(`${bound.message}; ${bound.advice}`));
        this.#listenAgainLater();
      });
    } catch (cause) {
      report.failed('serve with the certificate received', cause);
    }
  }

  #listenAgainLater(): void {
    this.#server = undefined;
    this.#cancelListen = this.#options.clock.setTimer(listenAgainMs, () => this.#know(this.#knowledge));
  }

  #rotate(server: LeanServer, identity: ServingIdentity): void {
    const rotated = server.rotate(this.#tls(identity));
    if (rotated.kind === 'refused') this.#options.report.failed('change the certificate', new Error(rotated.message));
  }

  #tls({ certificateChainPem, privateKeyPem }: ServingIdentity) {
    const { clientCaPem } = this.#options;
    return { certificateChainPem, privateKeyPem: new Redacted(privateKeyPem), clientCaPem };
  }

  #observe(event: DeltaClientEvent): void {
    switch (event.kind) {
      case 'connected':
        this.#connected = true;
        break;
      case 'taken':
        this.#refused.delete(event.typeUrl);
        break;
      case 'refused':
        this.#refused.add(event.typeUrl);
        break;
      case 'ended':
        this.#confirm();
        this.#connected = false;
        break;
    }
    this.#options.report.xds(event);
  }

  /** A control plane that is connected and silent vouches for what it said last, unless that was refused. */
  #confirm(): void {
    if (!this.#connected || this.#refused.has(programTypeUrl)) return;
    this.#learn({ ...this.#knowledge, confirmedAtMs: this.#options.clock.nowMs() });
  }

  #confirmLater(): void {
    this.#cancelConfirm = this.#options.clock.setTimer(confirmMs, () => {
      this.#confirm();
      this.#confirmLater();
    });
  }
}
