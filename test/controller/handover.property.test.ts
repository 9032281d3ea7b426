/**
 * Over any course of edits and any delays of the Envoys: no caller acts by an endpoint that would not let it in. Where an
 * Envoy answers later than it is waited for, nobody can promise that; then nothing is held for longer, and no timer runs on.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { effectMs, silenceMs } from '../../src/controller/acceptance.ts';
import { canaryWaitMs } from '../../src/controller/canary.ts';
import { addressOf, doorAt } from '../../src/controller/doors.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { MovingMesh, randomFrom } from '../e2e/random-moves.ts';
import { configured, versionsOf } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { TestClock } from '../xds/test-clock.ts';
import { cacheOf, doorsIn, ModelledEnvoy } from './modelled-envoys.ts';

/** Bound of a test that walks many courses, in ms: of a loaded machine, not of a measurement. */
const timeout = 120_000;
/** How long things take, in ms. */
interface Pace {
  /** Longest between two edits: shorter than an answer may take, so that edits catch each other on their way. */
  readonly pauseMaxMs: number;
  readonly answerMaxMs: number;
  /** How many of the answers take far longer than they are waited for. */
  readonly lateShare: number;
}

const punctual: Pace = { pauseMaxMs: 400, answerMaxMs: 300, lateShare: 0 };
/** Some edits come while something is held, some right when it has been held for long enough, and some long after. */
const late: Pace = { pauseMaxMs: 2 * silenceMs, answerMaxMs: 300, lateShare: 0.3 };
const lateMs = 4 * silenceMs;

const denied = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: shop }
spec: { deny: [{ from: { serviceAccounts: [web] } }] }
`;

/** A mesh under edits, its roll-out, and an Envoy for each workload. */
class Course {
  readonly clock = new TestClock();
  readonly random: () => number;
  readonly envoys = new Map<string, ModelledEnvoy>();
  readonly #world: MovingMesh;
  readonly #files: Map<string, string>;
  readonly #rollout: Rollout;
  /** What was seen of callers that were led to a shut door. */
  readonly astray: string[] = [];
  readonly #pace: Pace;
  snapshot: Snapshot;
  intended: ReadonlyMap<string, ResourceSnapshot>;

  constructor(seed: number, pace: Pace) {
    this.#pace = pace;
    this.#world = new MovingMesh(seed);
    this.random = randomFrom(seed + 1);
    this.#files = new Map(Object.entries(this.#world.files()));
    this.snapshot = this.#read();
    this.intended = configured(this.snapshot);
    const ports = {
      clock: this.clock,
      random: this.random,
      answerMaxMs: () => (this.random() < pace.lateShare ? lateMs : pace.answerMaxMs),
      heard: (event: Parameters<Rollout['heard']>[0]) => this.#rollout.heard(event),
      moved: () => this.#look(),
    };
    for (const key of this.snapshot.workloads.keys()) this.envoys.set(key, new ModelledEnvoy(key, ports));
    this.#rollout = new Rollout({
      clock: this.clock,
      cache: cacheOf(this.envoys),
      refusalsChanged: () => undefined,
    });
    this.publish();
    for (const envoy of this.envoys.values()) envoy.connect();
  }

  /** One move of the owner, and with it perhaps a deny that comes or goes. */
  edit({ withRights = false } = {}): void {
    const { file, text } = this.#world.move();
    this.#files.set(file, text);
    if (withRights && !this.#files.delete('policy.yaml')) this.#files.set('policy.yaml', denied);
    this.snapshot = this.#read();
    this.intended = configured(this.snapshot);
    this.publish();
  }

  publish(): void {
    this.#rollout.publish(this.intended, [], this.snapshot);
  }

  pause(): void {
    this.clock.advance(this.random() * this.#pace.pauseMaxMs);
  }

  #read(): Snapshot {
    // Nobody stands behind the service that routes: it is a name only.
    return meshFrom(documents(...this.#files.values()), ['dangling-reference']);
  }

  #look(): void {
    const byAddress = new Map(
      [...this.snapshot.workloads.values()].flatMap(({ key, addresses }) => addresses.map((each) => [each, key])),
    );
    for (const [caller, envoy] of this.envoys) {
      for (const endpoint of envoy.endpoints()) {
        const callee = this.envoys.get(byAddress.get(addressOf(endpoint)) ?? '');
        // The control plane's own ports have no sidecar in front of them.
        if (callee?.doors().has(doorAt(endpoint, 'shop')) === false) this.astray.push(`${caller} ${endpoint}`);
      }
    }
  }
}

function everyCourse(edits: number, check: (course: Course) => void, pace = punctual): void {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const course = new Course(seed, pace);
      for (let edit = 0; edit < edits; edit += 1) {
        course.edit();
        course.pause();
      }
      check(course);
    }),
    { numRuns: 8 },
  );
}

test('no caller acts by an endpoint whose own proxy has no door for it', { timeout }, () => {
  everyCourse(30, ({ astray }) => expect(astray).toEqual([]));
});

/** Longest that anything is kept from anybody, in ms: by the canary, then until a door is open, then until callers left. */
const heldMaxMs = canaryWaitMs + 2 * silenceMs;

function endsWell({ clock, envoys, intended }: Course): void {
  clock.advance(heldMaxMs);
  for (const [key, { wanted }] of envoys) {
    const own = intended.get(key) ?? expect.fail(key);
    expect([key, versionsOf(wanted)]).toEqual([key, versionsOf(own)]);
  }
  // Of the Envoys that are late, each takes one that they were given and then the newest, in two steps.
  clock.advance(4 * lateMs + effectMs);
  expect(clock.armed).toBe(0);
}

test('in the end every proxy is given what it is to have, to the byte', { timeout }, () => {
  everyCourse(10, endsWell);
});

test('who answers late is waited for no longer than the bound, and nobody is kept busy by it', { timeout }, () => {
  let astray = 0;
  const check = (course: Course) => {
    endsWell(course);
    astray += course.astray.length;
  };
  everyCourse(10, check, late);
  // Nobody would be led to a door that is still shut if nothing had been held until its bound.
  expect(astray).toBeGreaterThan(0);
});

test('where rights have changed, no door stays open that is not to be there', { timeout }, () => {
  everyCourse(15, (course) => {
    course.edit({ withRights: true });
    for (const [key, { wanted }] of course.envoys) {
      const own = course.intended.get(key) ?? expect.fail(key);
      expect([key, [...doorsIn(wanted)].filter((door) => !doorsIn(own).has(door))]).toEqual([key, []]);
    }
  });
});
