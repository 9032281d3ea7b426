/**
 * Whether those whom a drill touches have allowed it, in writing, for this moment: the target, and each caller's tenant.
 *
 * Consent is a state and no event: it is judged when a drill is planned, when it starts, and again and again while it
 * runs. One consent must cover a whole side; two halves of two consents are not added up.
 */
import type { ConsentBounds, Drill, DrillConsent, DrillWindow } from '../model/drill.ts';
import { formatSourceRef } from '../model/source-ref.ts';
import type { Refusal } from './refusal.ts';

const dayMs = 86_400_000;
const minuteMs = 60_000;

/** @returns everything that stands against it, side by side; empty where all have consented. */
export function consentRefusals(
  drill: Drill,
  consents: ReadonlyMap<string, DrillConsent>,
  nowMs: number,
): readonly Refusal[] {
  const callers = [...new Set(drill.radius.callers.map(({ tenant }) => tenant))].sort();
  return callers.flatMap((caller) => [
    ...sideRefusals(consents, {
      tenant: drill.tenant,
      who: 'whose service it strikes',
      objection: (consent) => targetObjection(drill, caller, consent, nowMs),
      wanted: `asTarget: { services: [${serviceName(drill)}], callerTenants: [${caller}], ${boundsText(drill)} }`,
    }),
    ...sideRefusals(consents, {
      tenant: caller,
      who: 'whose callers feel it',
      objection: (consent) => callerObjection(drill, consent, nowMs),
      wanted: `asCaller: { targetTenants: [${drill.tenant}], ${boundsText(drill)} }`,
    }),
  ]);
}

/** One of the two whose consent is needed, for one tenant of callers. */
interface Side {
  readonly tenant: string;
  readonly who: string;
  /** What one consent has against it; undefined where it covers the side. */
  objection(consent: DrillConsent): string | undefined;
  /** The least that covers it, as it is written. */
  readonly wanted: string;
}

function sideRefusals(consents: ReadonlyMap<string, DrillConsent>, side: Side): readonly Refusal[] {
  const { tenant, who, wanted } = side;
  const objections: string[] = [];
  for (const consent of consents.values()) {
    if (consent.tenant !== tenant) continue;
    const found = side.objection(consent);
    if (found === undefined) return [];
    objections.push(`${formatSourceRef(consent.where)} ${found}`);
  }
  const message =
    objections.length === 0
      ? `\`${tenant}\`, ${who}, has consented to nothing`
      : `\`${tenant}\`, ${who}, has not consented to this: ${objections.join(', ')}`;
  const advice = `have one \`DrillConsent\` of \`${tenant}\`, in force now, say at least \`${wanted}\``;
  return [{ message, advice }];
}

function serviceName({ target, tenant }: Drill): string {
  return target.service.slice(tenant.length + 1);
}

function boundsText({ method, durationMs, radius }: Drill): string {
  const duration = durationMs % 1_000 === 0 ? `${durationMs / 1_000}s` : `${durationMs}ms`;
  return `methods: [${method.kind}], maxDuration: ${duration}, maxPercent: ${radius.percent}`;
}

function targetObjection(drill: Drill, caller: string, consent: DrillConsent, nowMs: number): string | undefined {
  const { asTarget } = consent;
  if (asTarget === undefined) return 'allows nothing to be done to its services';
  if (!asTarget.services.has(drill.target.service)) return `does not name \`${drill.target.service}\``;
  if (!asTarget.callerTenants.has(caller)) return `does not let callers of \`${caller}\` feel it`;
  return boundsObjection(drill, asTarget) ?? timeObjection(consent, nowMs);
}

function callerObjection(drill: Drill, consent: DrillConsent, nowMs: number): string | undefined {
  const { asCaller } = consent;
  if (asCaller === undefined) return 'allows nothing to be felt by its callers';
  if (!asCaller.targetTenants.has(drill.tenant)) return `does not name \`${drill.tenant}\` as a target`;
  return boundsObjection(drill, asCaller) ?? timeObjection(consent, nowMs);
}

function boundsObjection({ method, durationMs, radius }: Drill, bounds: ConsentBounds): string | undefined {
  if (!bounds.methods.has(method.kind)) return `does not allow \`${method.kind}\``;
  if (durationMs > bounds.maxDurationMs) return `allows ${bounds.maxDurationMs / 1_000} s, not ${durationMs / 1_000} s`;
  if (radius.percent > bounds.maxPercent) return `allows ${bounds.maxPercent} %, not ${radius.percent} %`;
  return undefined;
}

function timeObjection({ notAfterMs, windows }: DrillConsent, nowMs: number): string | undefined {
  if (notAfterMs !== undefined && nowMs >= notAfterMs) return 'has ended';
  if (windows.length > 0 && !windows.some((window) => isInside(window, nowMs))) return 'allows it at other times';
  return undefined;
}

function isInside({ days, fromMinute, toMinute }: DrillWindow, nowMs: number): boolean {
  const minute = Math.floor((nowMs % dayMs) / minuteMs);
  return days.has(new Date(nowMs).getUTCDay()) && minute >= fromMinute && minute < toMinute;
}
