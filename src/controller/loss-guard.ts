/**
 * A sudden loss of many source objects is held until somebody confirms it: a folder that was unmounted and a list that
 * was cut short look exactly like a mass deletion.
 *
 *   objects that a source holds now ──take──▶ those objects, and what was lost of the former ones    confirm(id) ──▶ lost
 *
 * What came or changed with the loss is in force at once, and so is every loss that only closes something: a Grant, a
 * consent to drills, a drill, and an access policy that only allows where no default comes back in its place. Held are
 * those whose loss would open something (a deny) or cut somebody off (a Service, a Pod, a Tenant).
 * The surprise: that the same loss is seen again and again confirms nothing, for an unmounted folder stays unmounted.
 * Only what comes back, or a word of an operator that names this very loss, ends it. The first look has no former one,
 * and is believed.
 */
import { contentHash } from '../model/canonical-json.ts';
import { differenceOf } from '../model/difference.ts';
import type { Problem } from '../model/problem.ts';
import { quoteList } from '../model/quote.ts';
import { isOfKind, type SourcedObject, type ValidObject } from '../model/sourced-object.ts';

/** Share of the former objects, of all or of one kind, that may go at once. */
const lossShareMax = 0.3;
/** Fewer lost objects are never held: where there are few, a person deletes a third of them in an afternoon. */
export const lossCountMin = 10;
/** Kinds that machines write and remove by the hundred: they count among all objects, and not as a kind. */
const volatileKinds: ReadonlySet<string> = new Set(['Pod', 'EndpointSlice', 'Node']);
/** Kinds that only ever open: without them less is allowed. */
const openingKinds: ReadonlySet<string> = new Set(['Grant', 'DrillConsent', 'Drill']);

export type ConfirmAnswer =
  | { readonly kind: 'confirmed'; readonly objects: number }
  | { readonly kind: 'unknown'; readonly message: string; readonly advice: string };

export class LossGuard {
  /** What a source held at the last look; undefined before the first. */
  #objects: readonly SourcedObject[] | undefined;
  /** The same by id. */
  readonly #present = new Map<string, readonly SourcedObject[]>();
  /** Lost and held, by id; never one that is present. */
  #held: ReadonlyMap<string, readonly SourcedObject[]> = new Map();

  /** @returns what is to be in force: all of `objects`, and what is held. */
  take(objects: readonly SourcedObject[]): readonly SourcedObject[] {
    const formerIds = this.#present.size + this.#held.size;
    const { lost, arrived } = this.#update(objects);
    const stillHeld = [...this.#held].filter(([id]) => !this.#present.has(id));
    const stayed = () => [...this.#present.keys(), ...stillHeld.map(([id]) => id)].filter((id) => !arrived.has(id));
    const isSudden = isTooMuch(lost, formerIds, stayed);
    const candidates = [...stillHeld, ...(isSudden ? lost : [])];
    if (candidates.length === 0) {
      this.#held = new Map();
      return objects;
    }
    const away = [...lost, ...stillHeld].flatMap(([, same]) => same);
    const held = candidates.filter(([, same]) => !same.every((object) => closesByItsLoss(object, objects, away)));
    this.#held = new Map(held);
    return [...objects, ...held.flatMap(([, same]) => same)];
  }

  /** @returns what was there before and is not any more, as it was; and the ids that were not there before. */
  #update(objects: readonly SourcedObject[]): { lost: readonly Entry[]; arrived: ReadonlySet<string> } {
    const { gone, come } = differenceOf(this.#objects ?? [], objects);
    this.#objects = objects;
    const before = new Map<string, readonly SourcedObject[]>();
    for (const object of gone) {
      const same = this.#present.get(object.id) ?? [];
      before.set(object.id, before.get(object.id) ?? same);
      const at = same.indexOf(object);
      this.#present.set(object.id, [...same.slice(0, at), ...same.slice(at + 1)]);
    }
    const arrived = new Set(come.flatMap(({ id }) => (this.#present.has(id) || this.#held.has(id) ? [] : [id])));
    for (const object of come) this.#present.set(object.id, [...(this.#present.get(object.id) ?? []), object]);
    const lost = [...before].filter(([id]) => this.#present.get(id)?.length === 0);
    for (const [id] of lost) this.#present.delete(id);
    return { lost, arrived };
  }

  /** Lets the loss that is called `loss` be. The next `take` is without it. */
  confirm(loss: string): ConfirmAnswer {
    if (this.#held.size === 0 || loss !== this.#name()) {
      const message = this.#held.size === 0 ? 'no loss is held' : `the loss that is held is \`${this.#name()}\``;
      return { kind: 'unknown', message, advice: 'read in `coffre status` what is held, and confirm that' };
    }
    const objects = this.#held.size;
    this.#held = new Map();
    return { kind: 'confirmed', objects };
  }

  problems(): readonly Problem[] {
    const [first] = [...this.#held.values()].flat();
    if (first === undefined) return [];
    const byKind = Map.groupBy(this.#held.values(), ([object]) => object?.ref.kind ?? '');
    const counts = [...byKind].map(([kind, all]) => `${all.length} ${kind}`).sort();
    const names = [...this.#held.values()].flatMap(([object]) => (object === undefined ? [] : [nameOf(object)])).sort();
    return [
      {
        code: 'loss-held',
        severity: 'error',
        where: first.where,
        path: '',
        message: `${this.#held.size} objects are gone from the source at once (${counts.join(', ')}: ${quoteList(names)}); they stay in force, as if they were there`,
        advice: `bring them back, or confirm that they are meant to be gone: \`coffre confirm-loss ${this.#name()}\``,
      },
    ];
  }

  /** Of these very objects: a loss that grew is another one. */
  #name(): string {
    return contentHash([...this.#held.keys()].sort().join('\n')).slice(0, 8);
  }
}

type Entry = readonly [string, readonly SourcedObject[]];

/** @param stayed ids that were there and still are; only asked for where it matters. */
function isTooMuch(lost: readonly Entry[], formerIds: number, stayed: () => readonly string[]): boolean {
  if (lost.length < lossCountMin) return false;
  if (lost.length > formerIds * lossShareMax) return true;
  const left = Map.groupBy(stayed(), kindOf);
  return [...Map.groupBy(lost, ([id]) => kindOf(id))].some(([kind, ofKind]) => {
    const before = ofKind.length + (left.get(kind)?.length ?? 0);
    return !volatileKinds.has(kind) && ofKind.length >= lossCountMin && ofKind.length > before * lossShareMax;
  });
}

/**
 * @param left what the source still holds.
 * @param away what it holds no more: a tenant that was lost as well says what its default was.
 */
function closesByItsLoss(
  object: SourcedObject,
  left: readonly SourcedObject[],
  away: readonly SourcedObject[],
): boolean {
  if (openingKinds.has(object.ref.kind)) return true;
  if (!isOfKind(object, 'AccessPolicy') || (object.object.spec.deny ?? []).length > 0) return false;
  const isTenant = ({ ref }: SourcedObject) => ref.kind === 'Tenant' && ref.name === object.ref.namespace;
  const tenant = left.find(isTenant) ?? away.find(isTenant);
  if (tenant !== undefined && isOfKind(tenant, 'Tenant') && tenant.object.spec.defaultAccess === 'none') return true;
  return left.some((other) => isOfKind(other, 'AccessPolicy') && speaksForAll(other, object));
}

/** Whether some allow rule of `other` keeps the default away from every port of every workload that `lost` selected. */
function speaksForAll(other: ValidObject<'AccessPolicy'>, lost: ValidObject<'AccessPolicy'>): boolean {
  if (other.ref.namespace !== lost.ref.namespace) return false;
  const labels = lost.object.spec.selector?.matchLabels ?? {};
  const isWider = Object.entries(other.object.spec.selector?.matchLabels ?? {}).every(
    ([key, value]) => labels[key] === value,
  );
  return isWider && (other.object.spec.allow ?? []).some(({ to }) => (to?.ports ?? []).length === 0);
}

/** An id is `kind/namespace/name`. */
function kindOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}

function nameOf({ ref: { kind, namespace, name } }: SourcedObject): string {
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
}
