/**
 * Carries rotations of tenants' CAs from step to step, behind the acceptance of the proxies.
 *
 *   loop publishes ──▶ turn(what was published) ──holdouts? none──▶ authority.advance ──▶ the loop looks again
 *
 * Where replicas share the work the leader turns rotations, and counts the proxies of all: those of another replica from
 * when that replica has said that it published the very step. Without its word they are not connected, and hold the step.
 *
 * It remembers nothing that a restart would need: the step lies in the state folder, and who accepted what is asked of
 * the streams. Which step was judged is fixed before the publication that is judged, so that a command which comes in
 * between can never be taken for accepted.
 */
import type { Authority, RotationAnswer, RotationStatus } from '../identity/authority.ts';
import type { ClientStatus } from '../xds/client-status.ts';
import { typeUrls } from '../xds/type-url.ts';
import type { XdsEvent } from '../xds/xds-event.ts';
import { type Holdout, holdoutsOf } from './rotation-holdouts.ts';

export interface RotationPorts {
  readonly authority: Pick<Authority, 'rotations' | 'beginRotation' | 'abortRotation' | 'advanceRotation'>;
  /** Every open stream of a proxy at this replica. */
  clients(): readonly ClientStatus[];
  /** Of each other replica, while this one leads. */
  others(): readonly ReplicaTrust[];
  /** Whether it is up to this replica to take the next step. */
  leads(): boolean;
  /** For whoever leads: what was published here. */
  published(trust: Omit<ReplicaTrust, 'clients'>): void;
  lookAgain(): void;
  report(event: RotationEvent): void;
}

/** What one replica told its proxies, and what they answered. */
export interface ReplicaTrust {
  /** Steps that its newest publication says: `stepName`. */
  readonly steps: readonly string[];
  /** Workloads to which nothing could be said. */
  readonly untold: readonly string[];
  /** As they are since that publication. */
  readonly clients: readonly ClientStatus[];
}

/** What the loop published, as far as rotations are concerned. */
export interface PublishedTrust {
  /** Under way in the moment of publication. */
  readonly rotations: readonly RotationStatus[];
  /** By tenant: workloads whose proxies were told its CA. */
  readonly told: ReadonlyMap<string, readonly string[]>;
  /** Workloads to which nothing was said. */
  readonly untold: readonly string[];
  readonly leafLifetimeMs: number;
}

export type RotationEvent =
  | { readonly kind: 'rested'; readonly rotation: RotationStatus; readonly holdouts: readonly Holdout[] }
  /** `leftBehind`: proxies that held it back for a whole leaf life. */
  | { readonly kind: 'advanced'; readonly rotation: RotationStatus; readonly leftBehind: readonly Holdout[] }
  | { readonly kind: 'failed'; readonly rotation: RotationStatus; readonly cause: unknown };

/** A rotation as people are shown it. */
export interface RotationView extends RotationStatus {
  /** As of the last look. */
  readonly holdouts: readonly Holdout[];
}

/** Longest until the loop looks at a rotation again, in ms; it mostly looks sooner, as the last proxy accepts. */
const rotationLookMs = 5_000;

export class Rotations {
  readonly #ports: RotationPorts;
  /** Holdouts of the last look, and those of them that have accepted something since. */
  #judged = new Map<RotationStatus, { readonly holdouts: readonly Holdout[]; readonly waiting: Set<string> }>();
  #firstLookMs: number | undefined;
  /** What was told to the other replicas last. */
  #said = '';

  constructor(ports: RotationPorts) {
    this.#ports = ports;
  }

  /** Asked in the same breath as a publication. */
  underway(): readonly RotationStatus[] {
    return this.#ports.authority.rotations();
  }

  /** @returns epoch ms of the next look, Infinity where no rotation is under way. */
  async turn(published: PublishedTrust, nowMs: number): Promise<number> {
    this.#firstLookMs ??= nowMs;
    const before = this.#judged;
    this.#judged = new Map();
    this.#tell(published);
    if (published.rotations.length === 0 || !this.#ports.leads()) return Infinity;
    const others = this.#ports.others();
    const clients = [...this.#ports.clients(), ...others.flatMap((other) => other.clients)];
    const untold = [...new Set([...published.untold, ...others.flatMap((other) => other.untold)])];
    for (const rotation of published.rotations) {
      const late = others.filter(({ steps }) => !steps.includes(stepName(rotation)));
      const behind = new Set(late.flatMap((other) => other.clients.map(({ key }) => key)));
      const holdouts = holdoutsOf(published.told.get(rotation.tenant) ?? [], untold, behind, clients, nowMs);
      this.#judged.set(rotation, { holdouts, waiting: new Set(holdouts.map(({ workload }) => workload)) });
      // A proxy that accepted no secret for a whole leaf life holds an expired one, and is cut off whatever we do. What
      // passed while no control plane was there does not count: nobody could have accepted anything.
      const overdue = nowMs - Math.max(rotation.sinceMs, this.#firstLookMs) >= published.leafLifetimeMs;
      if (holdouts.length === 0 || overdue) await this.#advance(rotation, holdouts);
      else if (!isSame(holdouts, before.get(rotation)?.holdouts)) {
        this.#ports.report({ kind: 'rested', rotation, holdouts });
      }
    }
    return nowMs + rotationLookMs;
  }

  /** Told of everything the xDS server observes; looks again when the last proxy that was waited for has accepted. */
  heard(event: XdsEvent): void {
    if (event.kind !== 'acked' || event.typeUrl !== typeUrls.secret) return;
    for (const { waiting } of this.#judged.values()) {
      if (waiting.delete(event.key) && waiting.size === 0) this.#ports.lookAgain();
    }
  }

  async begin(tenant: string): Promise<RotationAnswer> {
    const answer = await this.#ports.authority.beginRotation(tenant);
    if (answer.kind === 'accepted') this.#ports.lookAgain();
    return answer;
  }

  async abort(tenant: string): Promise<RotationAnswer> {
    const answer = await this.#ports.authority.abortRotation(tenant);
    if (answer.kind === 'accepted') this.#ports.lookAgain();
    return answer;
  }

  list(): readonly RotationView[] {
    return this.underway().map((rotation) => ({
      ...rotation,
      holdouts: this.#judged.get(rotation)?.holdouts ?? [],
    }));
  }

  #tell({ rotations, untold }: PublishedTrust): void {
    const trust = { steps: rotations.map(stepName), untold: rotations.length === 0 ? [] : untold };
    const said = JSON.stringify(trust);
    if (said === this.#said) return;
    this.#said = said;
    this.#ports.published(trust);
  }

  async #advance(rotation: RotationStatus, leftBehind: readonly Holdout[]): Promise<void> {
    try {
      if (!(await this.#ports.authority.advanceRotation(rotation))) return;
      this.#ports.report({ kind: 'advanced', rotation, leftBehind });
      this.#ports.lookAgain();
    } catch (cause) {
      this.#ports.report({ kind: 'failed', rotation, cause });
    }
  }
}

/** The same at every replica, and no other step's. */
export function stepName({ tenant, step, sinceMs, leaving, staying }: RotationStatus): string {
  return [tenant, step, sinceMs, leaving, staying].join(' ');
}

function isSame(holdouts: readonly Holdout[], before: readonly Holdout[] | undefined): boolean {
  return JSON.stringify(holdouts) === JSON.stringify(before);
}
