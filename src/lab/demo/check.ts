/**
 * One row of the demo: a claim, the command by which a reader repeats it, and the code that goes and looks.
 *
 *   Check.run(context) ──▶ judge(got, claims) ──▶ Outcome        all claims hold: pass; otherwise the ones that do not are named
 *
 * A row is proven by what arrived (the application's own log), what was on the wire (a capture) or what the sidecar
 * wrote down. A status code alone proves nothing, and no row passes by an exception that was swallowed.
 */
import type { PodCommand } from './command.ts';
import type { DemoContext } from './demo-context.ts';

export interface Check {
  /** Stable, kebab-case. */
  readonly id: string;
  readonly what: string;
  readonly want: string;
  /** How a reader repeats the row while the demo stays up: commands in pods, and shell lines for the root of the repository. */
  command(place: DemoPlace): readonly (PodCommand | string)[];
  /** What the lab must have for the row to mean anything; not shown where it has not. */
  readonly needs?: 'interception';
  run(context: DemoContext): Promise<Outcome>;
}

/** What a printed command may speak of. */
export interface DemoPlace {
  /** By which `npm run lab` tells labs apart. */
  readonly lab: string;
  /** The live mesh folder. */
  readonly mesh: string;
  /** Keys and certificates in an attacker's hands. */
  readonly attacker: string;
  /** A file for each tenant, `atelier.header`: the token of a person, as its provider gave it. */
  readonly people: string;
  /** Files that hold a process id, inside the lab. */
  readonly pidFiles: { readonly controlPlane: string; readonly authz: string };
  /** State folder of the control plane. */
  readonly state: string;
  /** What stands in the database's pod: without PostgreSQL on the machine, a TCP service that greets. */
  readonly database: 'postgres' | 'greeter';
}

export interface Theme {
  readonly title: string;
  readonly checks: readonly Check[];
}

export type Outcome =
  | { readonly kind: 'pass'; readonly got: string }
  | { readonly kind: 'fail'; readonly got: string }
  /** This machine cannot show it; `got` says why. */
  | { readonly kind: 'not-shown'; readonly got: string };

export interface CheckResult {
  readonly check: Check;
  readonly outcome: Outcome;
  readonly tookMs: number;
}

/** @param claims each a sentence, and whether it was seen to hold. */
export function judge(got: string, claims: Readonly<Record<string, boolean>>): Outcome {
  const broken = Object.entries(claims).flatMap(([claim, holds]) => (holds ? [] : [claim]));
  return broken.length === 0 ? { kind: 'pass', got } : { kind: 'fail', got: `${got}; not so: ${broken.join(', ')}` };
}

/** Thrown where this machine lacks what a row needs. */
export class NotShown extends Error {}
