/**
 * One authorization worker: fed by xDS, remembering on disk, answering Envoy.
 *
 *   ADS ──▶ Knowledge ──┬──▶ judge ◀── Check ── Envoy
 *                       └──▶ sealed on disk ──▶ the next start, control plane or not
 *
 * Not a child of the control plane's life: it begins to serve as soon as it knows a certificate and a policy, from
 * wherever it has them, and goes on with what it has for as long as it may believe it.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { type AuthzService, createAuthzService } from '../authz/authz-service.io.ts';
import type { Clock as CheckClock } from '../authz/checker.ts';
import { defaultCheckLimits } from '../authz/limits.ts';
import type { Observer } from '../authz/observer.ts';
import { type BindResult, createGrpcServer, type GrpcServer } from '../grpc/grpc-server.ts';
import { Redacted } from '../identity/redacted.ts';
import { programTypeUrl } from '../policy/program.ts';
import {
  DeltaClient,
  type DeltaClientEvent,
  type DeltaClientOptions,
  type Subscription,
} from '../xds/delta-client.io.ts';
import { type Decoded, type Holdings, initialVersions, nothingHeld, takeResponse } from '../xds/delta-holdings.ts';
import type { Clock as TimerClock } from '../xds/ports.ts';
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
import type { ProgramBook } from './program-book.ts';

/** How often a connected worker writes down that its knowledge is still vouched for, in ms. */
const confirmMs = 60_000;

export interface AuthzWorkerOptions {
  readonly listen: string;
  /** Anchor for the sidecars' certificates, PEM. */
  readonly clientCaPem: string;
  readonly keeper: KnowledgeKeeper;
  readonly observer: Observer;
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
  #server: GrpcServer | undefined;
  #connected = false;
  #cancelConfirm: () => void = () => undefined;

  constructor(options: AuthzWorkerOptions) {
    this.#options = options;
    this.#service = createAuthzService({
      judge: policyJudge({ book: () => this.#book, nowMs: () => options.clock.nowMs() }),
      observer: options.observer,
      limits: defaultCheckLimits,
      clock: options.clock,
    });
    this.#client = new DeltaClient({
      ...options.ads,
      clock: options.clock,
      subscriptions: [
        this.#subscription(
          secretTypeUrl,
          decodeIdentity,
          () => this.#knowledge.identities,
          (identities) => ({ identities }),
        ),
        this.#subscription(
          programTypeUrl,
          decodeProgram,
          () => this.#knowledge.programs,
          (programs) => ({ programs }),
        ),
      ],
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

  /** Stops taking checks, answers those that are open, and writes down what it knows. */
  async stop(graceMs: number): Promise<void> {
    this.#cancelConfirm();
    this.#client.stop();
    this.#service.setPhase('draining');
    await this.#server?.close(graceMs);
    await this.#options.keeper.settled();
  }

  #subscription<T>(
    typeUrl: string,
    decode: (any: Any) => Decoded<T>,
    current: () => Holdings<T>,
    replaced: (holdings: Holdings<T>) => Partial<Knowledge>,
  ): Subscription {
    return {
      typeUrl,
      initialVersions: () => initialVersions(current()),
      take: (response) => {
        const taken = takeResponse(current(), response, decode);
        if (taken.kind === 'nack') return taken;
        const confirmedAtMs = this.#options.clock.nowMs();
        this.#know({ ...this.#knowledge, ...replaced(taken.holdings), confirmedAtMs });
        this.#options.keeper.keep(this.#knowledge);
        return { kind: 'ack' };
      },
    };
  }

  #know(knowledge: Knowledge): void {
    const before = this.#identity();
    this.#knowledge = knowledge;
    this.#book = bookOf(knowledge);
    const identity = this.#identity();
    if (identity === undefined || this.#book === undefined) return;
    if (this.#server === undefined) this.#serve(identity, this.#book.revision);
    else if (identity !== before) this.#rotate(this.#server, identity);
  }

  #identity(): ServingIdentity | undefined {
    return this.#knowledge.identities.held.get(workerIdentitySecret)?.value;
  }

  #serve(identity: ServingIdentity, revision: string): void {
    const { listen, report } = this.#options;
    try {
      const server = createGrpcServer({ address: listen, tls: this.#tls(identity), requireClientCertificate: true });
      this.#server = server;
      this.#service.addTo(server);
      this.#service.setPhase('ready');
      void server.bind().then((bound: BindResult) => {
        if (bound.kind === 'bound') report.serving(bound.address, revision);
        else report.failed('listen', new Error(`${bound.message}; ${bound.advice}`));
      });
    } catch (cause) {
      report.failed('serve with the certificate received', cause);
    }
  }

  #rotate(server: GrpcServer, identity: ServingIdentity): void {
    const rotated = server.rotate(this.#tls(identity));
    if (rotated.kind === 'refused') this.#options.report.failed('change the certificate', new Error(rotated.message));
  }

  #tls({ certificateChainPem, privateKeyPem }: ServingIdentity) {
    const { clientCaPem } = this.#options;
    return { certificateChainPem, privateKeyPem: new Redacted(privateKeyPem), clientCaPem };
  }

  #observe(event: DeltaClientEvent): void {
    if (event.kind === 'connected') this.#connected = true;
    if (event.kind === 'ended') {
      if (this.#connected) this.#confirm();
      this.#connected = false;
    }
    this.#options.report.xds(event);
  }

  /** A control plane that is connected and silent vouches for what it said last. */
  #confirm(): void {
    this.#knowledge = { ...this.#knowledge, confirmedAtMs: this.#options.clock.nowMs() };
    this.#book = bookOf(this.#knowledge);
    this.#options.keeper.keep(this.#knowledge);
  }

  #confirmLater(): void {
    this.#cancelConfirm = this.#options.clock.setTimer(confirmMs, () => {
      if (this.#connected) this.#confirm();
      this.#confirmLater();
    });
  }
}
