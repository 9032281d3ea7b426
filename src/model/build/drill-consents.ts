/**
 * Consents to drills that hold: their tenant exists, may be drilled at all, and their end has not passed.
 *
 * A consent names services and tenants that may come later: it waits for them, and its author is told. Nothing here
 * loosens anything alone, as a drill needs the consent of both sides.
 */
import { type ConsentBounds, type DrillConsent, type DrillWindow, neverDrilled } from '../drill.ts';
import { dayNames } from '../drill-words.ts';
import { parseDurationMs } from '../duration.ts';
import type { DrillConsentObject } from '../kinds/drill-consent.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Mesh, Tenant } from '../snapshot.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';
import type { Inventory } from './inventory.ts';

interface ConsentContext {
  readonly mesh: Mesh;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** Keys of the services of the consenting tenant, at least. */
  readonly serviceKeys: ReadonlySet<string>;
  /** Epoch ms; absent where nothing is to expire here. */
  readonly nowMs: number | undefined;
}

export interface DrillConsents {
  readonly consents: ReadonlyMap<string, DrillConsent>;
  readonly expired: readonly string[];
}

/** @returns of one namespace, the consents in force by `namespace/name`, sorted, and the keys of those whose end has passed. */
export function drillConsentsIn(inventory: Inventory, context: ConsentContext, problems: ProblemList): DrillConsents {
  const consents = new Map<string, DrillConsent>();
  const expired: string[] = [];
  for (const source of inventory.of('DrillConsent')) {
    const consent = consentOf(source);
    const refusal = refusalOf(source, context);
    if (refusal !== undefined) problems.error(source, refusal);
    else if (isOver(consent, context.nowMs)) {
      expired.push(consent.key);
      problems.warning(source, expiry(source.object));
    } else {
      for (const finding of danglingNames(source.object, context)) problems.warning(source, finding);
      consents.set(consent.key, consent);
    }
  }
  return { consents, expired };
}

type Told = Omit<Finding, 'severity'>;

function refusalOf({ ref }: ValidObject<'DrillConsent'>, { mesh, tenants }: ConsentContext): Told | undefined {
  const { namespace } = ref;
  if (isProtected(namespace, mesh)) return protectedTenant('metadata.namespace', namespace);
  if (tenants.has(namespace)) return undefined;
  const message = `nobody owns the namespace ${quote(namespace)}, so nobody can consent for it`;
  const advice = `write a \`Tenant\` named ${quote(namespace)}`;
  return { code: 'missing-tenant', path: 'metadata.namespace', message, advice };
}

/** Whether no drill ever touches this tenant, whatever it consents to. */
export function isProtected(tenant: string, { drills }: Mesh): boolean {
  return neverDrilled.has(tenant) || drills.protectedTenants.has(tenant);
}

export function protectedTenant(path: string, tenant: string): Told {
  const message = `${quote(tenant)} is never drilled, neither as target nor as caller`;
  const advice = neverDrilled.has(tenant)
    ? 'name another tenant: the mesh itself depends on this one'
    : 'name another tenant, or have it taken out of `drills.protectedTenants` of the mesh';
  return { code: 'protected-tenant', path, message, advice };
}

function isOver({ notAfterMs = Number.POSITIVE_INFINITY }: DrillConsent, nowMs: number | undefined): boolean {
  return nowMs !== undefined && notAfterMs <= nowMs;
}

function expiry({ spec }: DrillConsentObject): Told {
  const message = `the consent ended at ${quote(spec.notAfter ?? '')} and allows nothing any more`;
  return { code: 'expired-consent', path: 'spec.notAfter', message, advice: 'remove it, or write a later end' };
}

function danglingNames({ metadata, spec }: DrillConsentObject, { mesh, tenants, serviceKeys }: ConsentContext): Told[] {
  const { asTarget, asCaller } = spec;
  const unknownTenants = (names: readonly string[] | undefined, path: string) =>
    (names ?? []).flatMap((name, index) => {
      const at = `${path}[${index}]`;
      if (isProtected(name, mesh)) return [protectedTenant(at, name)];
      return tenants.has(name) ? [] : [waitsFor(at, `tenant ${quote(name)}`)];
    });
  return [
    ...(asTarget?.services ?? []).flatMap((name, index) =>
      serviceKeys.has(`${metadata.namespace}/${name}`)
        ? []
        : [waitsFor(`spec.asTarget.services[${index}]`, `service ${quote(name)} in ${quote(metadata.namespace)}`)],
    ),
    ...unknownTenants(asTarget?.callerTenants, 'spec.asTarget.callerTenants'),
    ...unknownTenants(asCaller?.targetTenants, 'spec.asCaller.targetTenants'),
  ];
}

function waitsFor(path: string, what: string): Told {
  const message = `there is no ${what}`;
  return { code: 'dangling-reference', path, message, advice: 'check the name: the consent waits for it' };
}

function consentOf({ ref, object, where }: ValidObject<'DrillConsent'>): DrillConsent {
  const { asTarget, asCaller, windows = [], notAfter } = object.spec;
  return {
    key: `${ref.namespace}/${ref.name}`,
    tenant: ref.namespace,
    name: ref.name,
    ...(asTarget === undefined
      ? {}
      : {
          asTarget: {
            services: sorted(asTarget.services.map((service) => `${ref.namespace}/${service}`)),
            callerTenants: sorted(asTarget.callerTenants),
            ...boundsOf(asTarget),
          },
        }),
    ...(asCaller === undefined
      ? {}
      : { asCaller: { targetTenants: sorted(asCaller.targetTenants), ...boundsOf(asCaller) } }),
    windows: windows.map(windowOf),
    ...(notAfter === undefined ? {} : { notAfterMs: Date.parse(notAfter) }),
    where,
  };
}

type WrittenBounds = Pick<
  NonNullable<DrillConsentObject['spec']['asCaller']>,
  'methods' | 'maxDuration' | 'maxPercent'
>;

function boundsOf({ methods, maxDuration, maxPercent }: WrittenBounds): ConsentBounds {
  return { methods: sorted(methods), maxDurationMs: parseDurationMs(maxDuration) ?? 0, maxPercent };
}

type WrittenWindow = NonNullable<DrillConsentObject['spec']['windows']>[number];

function windowOf({ days, from, to }: WrittenWindow): DrillWindow {
  const numbers = days.map((day) => dayNames.indexOf(day)).sort();
  return { days: new Set(numbers), fromMinute: minuteOf(from), toMinute: minuteOf(to) };
}

/** @param time of day, such as `09:30`. */
function minuteOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

function sorted<Word extends string>(words: readonly Word[]): ReadonlySet<Word> {
  return new Set([...words].sort());
}
