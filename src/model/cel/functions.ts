/**
 * The functions and operators that a `when` may use, each with the types it takes: those of the CEL standard that end
 * soon and say the same on every evaluator. What is not here is refused by name, custom functions and conversions of
 * the type system among it.
 */
import { accepts, any, bool, type CelType, double, duration, int, listOf, string, timestamp } from './cel-type.ts';

interface Overload {
  /** What stands before the dot; absent for a plain call. */
  readonly on?: CelType;
  readonly takes: readonly CelType[];
  readonly gives: CelType;
}

const calendar: readonly Overload[] = [
  { on: timestamp, takes: [], gives: int },
  { on: timestamp, takes: [string], gives: int },
];
const textual: readonly Overload[] = [{ on: string, takes: [string], gives: bool }];
const ordered: readonly Overload[] = [int, double, string, timestamp, duration, bool].map((type) => ({
  takes: [type, type],
  gives: bool,
}));
const numeric: readonly Overload[] = [int, double].map((type) => ({ takes: [type, type], gives: type }));

const overloads: ReadonlyMap<string, readonly Overload[]> = new Map([
  ['_&&_', [{ takes: [bool, bool], gives: bool }]],
  ['_||_', [{ takes: [bool, bool], gives: bool }]],
  ['!_', [{ takes: [bool], gives: bool }]],
  ['@not_strictly_false', [{ takes: [bool], gives: bool }]],
  ['_<_', ordered],
  ['_<=_', ordered],
  ['_>_', ordered],
  ['_>=_', ordered],
  [
    '_+_',
    [
      ...numeric,
      { takes: [string, string], gives: string },
      { takes: [timestamp, duration], gives: timestamp },
      { takes: [duration, duration], gives: duration },
    ],
  ],
  [
    '_-_',
    [
      ...numeric,
      { takes: [timestamp, timestamp], gives: duration },
      { takes: [timestamp, duration], gives: timestamp },
      { takes: [duration, duration], gives: duration },
    ],
  ],
  ['_*_', numeric],
  ['_/_', numeric],
  ['_%_', [{ takes: [int, int], gives: int }]],
  ['-_', [int, double].map((type) => ({ takes: [type], gives: type }))],
  [
    'size',
    [string, listOf(any), { kind: 'map', of: any } as const].flatMap((type) => [
      { takes: [type], gives: int },
      { on: type, takes: [], gives: int },
    ]),
  ],
  ['startsWith', textual],
  ['endsWith', textual],
  ['contains', textual],
  ['matches', textual],
  ['string', [string, int, double, bool, timestamp, duration].map((type) => ({ takes: [type], gives: string }))],
  ['int', [int, double, string, timestamp].map((type) => ({ takes: [type], gives: int }))],
  ['double', [int, double, string].map((type) => ({ takes: [type], gives: double }))],
  ['timestamp', [string, int, timestamp].map((type) => ({ takes: [type], gives: timestamp }))],
  ['duration', [string, duration].map((type) => ({ takes: [type], gives: duration }))],
  ...[
    'getFullYear',
    'getMonth',
    'getDayOfMonth',
    'getDate',
    'getDayOfWeek',
    'getHours',
    'getMinutes',
    'getSeconds',
  ].map((name) => [name, calendar] as const),
]);

export function isFunction(name: string): boolean {
  return overloads.has(name);
}

/** @returns undefined where no form of the function takes these. Of several that would, `any` is the result. */
export function resultOf(name: string, on: CelType | undefined, args: readonly CelType[]): CelType | undefined {
  const fitting = (overloads.get(name) ?? []).filter(
    (overload) =>
      (overload.on === undefined) === (on === undefined) &&
      (on === undefined || overload.on === undefined || accepts(overload.on, on)) &&
      overload.takes.length === args.length &&
      overload.takes.every((wanted, index) => accepts(wanted, args[index] ?? any)),
  );
  const [first, ...others] = fitting;
  if (first === undefined) return undefined;
  return others.every(({ gives }) => gives.kind === first.gives.kind) ? first.gives : any;
}

/** How a function is written, for messages: `_&&_` is `&&`. */
export function tellFunction(name: string): string {
  return name.replace(/^[@_]+|_+$/g, '').replace('_', ' ');
}
