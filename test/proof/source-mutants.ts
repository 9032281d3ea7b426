/** Slips of an author's hand: one rule of one object, as YAML has it, written otherwise. What is then true is the oracle's to say. */
import type { MeshObject } from '../fixtures/random-mesh.ts';

interface Place {
  serviceAccounts?: readonly string[];
  methods?: readonly string[];
  paths?: readonly string[];
  ports?: readonly number[];
}

interface WrittenRule {
  from?: Place;
  to?: Place;
}

/** As far as the mutants write in it. */
interface WrittenSpec {
  allow?: WrittenRule[];
  deny?: WrittenRule[];
  from?: Place;
  to?: Place;
  notAfter?: string;
  defaultAccess?: string;
}

export interface SourceMutant {
  readonly name: string;
  readonly kind: 'AccessPolicy' | 'Grant' | 'Tenant';
  /** Writes in the spec. @returns false where there is nothing to slip on, or `gone` where the object goes. */
  slip(spec: WrittenSpec): boolean | 'gone';
}

export const sourceMutants: readonly SourceMutant[] = [
  { name: 'an allow rule is dropped', kind: 'AccessPolicy', slip: ({ allow }) => allow?.shift() !== undefined },
  { name: 'a deny rule is dropped', kind: 'AccessPolicy', slip: ({ deny }) => deny?.shift() !== undefined },
  {
    name: 'allow and deny change places',
    kind: 'AccessPolicy',
    slip: (spec) => {
      const { allow, deny } = spec;
      [spec.allow, spec.deny] = [deny ?? [], allow ?? []];
      return true;
    },
  },
  {
    name: 'an allow rule forgets its callers',
    kind: 'AccessPolicy',
    slip: ({ allow }) => forgets(allow, 'from'),
  },
  {
    name: 'a deny rule forgets its callers',
    kind: 'AccessPolicy',
    slip: ({ deny }) => forgets(deny, 'from'),
  },
  {
    name: 'an allow rule forgets what it allows',
    kind: 'AccessPolicy',
    slip: ({ allow }) => forgets(allow, 'to'),
  },
  {
    name: 'a deny rule forgets what it denies',
    kind: 'AccessPolicy',
    slip: ({ deny }) => forgets(deny, 'to'),
  },
  {
    name: 'a rule is written for another port',
    kind: 'AccessPolicy',
    slip: ({ allow = [], deny = [] }) => {
      const [rule] = [...deny, ...allow];
      if (rule === undefined) return false;
      rule.to = { ...rule.to, ports: [1] };
      return true;
    },
  },
  { name: 'a policy goes', kind: 'AccessPolicy', slip: () => 'gone' },
  { name: 'a grant goes', kind: 'Grant', slip: () => 'gone' },
  {
    name: 'a grant is to the whole tenant',
    kind: 'Grant',
    slip: ({ from }) => from?.serviceAccounts !== undefined && Reflect.deleteProperty(from, 'serviceAccounts'),
  },
  {
    name: 'a grant is of everything',
    kind: 'Grant',
    slip: ({ to }) => {
      if (to?.paths === undefined && to?.methods === undefined) return false;
      return Reflect.deleteProperty(to, 'paths') && Reflect.deleteProperty(to, 'methods');
    },
  },
  {
    name: 'a grant has no end',
    kind: 'Grant',
    slip: (spec) => spec.notAfter !== undefined && Reflect.deleteProperty(spec, 'notAfter'),
  },
  {
    name: 'the default is turned',
    kind: 'Tenant',
    slip: (spec) => {
      spec.defaultAccess = spec.defaultAccess === 'none' ? 'sameTenant' : 'none';
      return true;
    },
  },
];

function forgets(rules: readonly WrittenRule[] | undefined, part: 'from' | 'to'): boolean {
  const rule = rules?.find((each) => each[part] !== undefined);
  return rule !== undefined && Reflect.deleteProperty(rule, part);
}

/** The mesh with one slip, for each object that there is something to slip on. */
export function slips(
  objects: readonly MeshObject[],
  { kind, slip }: SourceMutant,
): readonly (readonly MeshObject[])[] {
  return objects.flatMap((chosen) => {
    if (chosen.kind !== kind) return [];
    const spec = structuredClone(chosen['spec']) as WrittenSpec;
    const outcome = slip(spec);
    if (outcome === false) return [];
    if (outcome === 'gone') return [objects.filter((object) => object !== chosen)];
    return [objects.map((object) => (object === chosen ? { ...object, spec } : object))];
  });
}
