/** Views by slice and class are the views of the whole mesh, and what did not change is the very same value. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepUnchanged } from '../../src/model/keep-unchanged.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type Slices, slicesOf } from '../../src/policy/tenant-slice.ts';
import { viewOf } from '../../src/policy/view.ts';
import { classesOf, memberView, type ViewClass, type ViewClasses } from '../../src/policy/view-classes.ts';
import { randomHistory } from '../fixtures/random-history.ts';
import { momentsMs, randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';
import { randomQuarantines } from '../fixtures/random-quarantines.ts';

interface Step {
  readonly snapshot: Snapshot;
  readonly slices: Slices;
  readonly classes: ReadonlyMap<string, ViewClasses>;
}

/** One look after another, each with what the one before left; the moments go on. */
function walk(check: (step: Step, before: Step | undefined, nowMs: number) => void): void {
  const quarantines = fc.array(fc.oneof(fc.constant([]), randomQuarantines), { minLength: 5, maxLength: 5 });
  const moments = fc.array(fc.constantFrom(...momentsMs), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(randomHistory(4), moments, quarantines, (history, unsorted, cutOff) => {
      const times = unsorted.toSorted((left, right) => left - right);
      let before: Step | undefined;
      for (const [index, objects] of history.entries()) {
        const nowMs = times[index] ?? 0;
        const snapshot = keepUnchanged(before?.snapshot, snapshotOf(objects, undefined, cutOff[index]));
        const slices = slicesOf(snapshot, nowMs, before?.slices);
        const classes = new Map(
          [...slices.slices].map(([tenant, slice]) => [
            tenant,
            classesOf(slice.snapshot, tenant, nowMs, before?.classes.get(tenant)),
          ]),
        );
        const step = { snapshot, slices, classes };
        check(step, before, nowMs);
        before = step;
      }
    }),
    { numRuns: 80 },
  );
}

function allOf({ classes }: Step): readonly ViewClass[] {
  return [...classes.values()].flatMap((each) => [...each.classes.values()]);
}

test(
  'each workload is in one class, and knows by it what the whole mesh would have it know',
  () => {
    let compared = 0;
    walk((step, _, nowMs) => {
      const members = allOf(step).flatMap((one) => one.members.map((member) => ({ one, member })));
      expect(members.map(({ member }) => member.key).sort()).toEqual([...step.snapshot.workloads.keys()].sort());
      for (const { one, member } of members) {
        expect(memberView(one, member)).toEqual(viewOf(step.snapshot, member, nowMs));
        const { tenant, serviceAccount, spiffeId, capture, applicationAddress } = member;
        expect(one.view.workload).toMatchObject({ tenant, serviceAccount, spiffeId, capture, applicationAddress });
        compared += 1;
      }
    });
    expect(compared).toBeGreaterThan(0);
  },
  randomTestMs,
);

test(
  'a tenant whose slice is the same need not be looked at: its views could be no others',
  () => {
    let unmoved = 0;
    walk((step, before, nowMs) => {
      for (const [tenant, slice] of step.slices.slices) {
        if (before?.slices.slices.get(tenant)?.snapshot !== slice.snapshot) continue;
        unmoved += 1;
        const { classes } = classesOf(slice.snapshot, tenant, nowMs);
        expect(before.classes.get(tenant)?.classes).toEqual(classes);
      }
    });
    expect(unmoved).toBeGreaterThan(0);
  },
  randomTestMs,
);

test(
  'what is equal to what was known before is the very same value',
  () => {
    let same = 0;
    walk((step, before) => {
      for (const [tenant, { classes, parts }] of step.classes) {
        const former = before?.classes.get(tenant);
        for (const [key, one] of classes) {
          const was = former?.classes.get(key);
          if (was === undefined) continue;
          for (const part of ['inbound', 'outbound', 'external', 'observation'] as const) {
            if (keepUnchanged(was.view[part], one.view[part]) !== was.view[part]) continue;
            expect(one.view[part]).toBe(was.view[part]);
            same += 1;
          }
        }
        for (const told of parts.ports.values()) {
          expect(
            told.filter((left) => told.some((right) => left !== right && keepUnchanged(left, right) === left)),
          ).toEqual([]);
        }
      }
    });
    expect(same).toBeGreaterThan(0);
  },
  randomTestMs,
);
