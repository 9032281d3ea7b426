/**
 * One proxy's resources, where a builder of ours may throw: what cannot be built is closed, and the rest is built.
 *
 *   build(view) ──throws──▶ build each port alone ──▶ build(view without those that throw)
 *
 * A part is a whole port: a filter chain, route and cluster, with all its rules. So a deny that cannot be built is never
 * left out of a port that stays open. The share of a route that leads to a closed port is answered 500, like one that the
 * caller may not dial. The first attempt is the whole: where nothing throws, nothing is built twice.
 */
import type { EnvoyResource } from '../envoy/resource.ts';
import type { ExternalService } from '../model/snapshot.ts';
import { type OutboundRule, placeOf } from '../policy/routing.ts';
import type { InboundPort, OutboundPort, ProxyView } from '../policy/view.ts';

export type BrokenPart =
  | { readonly kind: 'inbound'; readonly port: InboundPort }
  | { readonly kind: 'outbound'; readonly port: OutboundPort }
  | { readonly kind: 'external'; readonly service: ExternalService };

export interface BuiltProxy {
  readonly resources: readonly EnvoyResource[];
  readonly broken: readonly { readonly part: BrokenPart; readonly cause: unknown }[];
}

/** @throws what `build` throws for a view without any port, or for no port alone: then nothing smaller is at fault. */
export function buildProxy(view: ProxyView, build: (view: ProxyView) => readonly EnvoyResource[]): BuiltProxy {
  try {
    return { resources: build(view), broken: [] };
  } catch {
    const bare: ProxyView = { ...view, inbound: [], outbound: [], external: [] };
    const broken = partsOf(view).flatMap((part) => {
      try {
        build(alone(bare, part));
        return [];
      } catch (cause) {
        return [{ part, cause }];
      }
    });
    return { resources: build(without(view, new Set(broken.map(({ part }) => portOf(part))))), broken };
  }
}

function partsOf({ inbound, outbound, external }: ProxyView): readonly BrokenPart[] {
  return [
    ...inbound.map((port) => ({ kind: 'inbound', port }) as const),
    ...outbound.map((port) => ({ kind: 'outbound', port }) as const),
    ...external.map((service) => ({ kind: 'external', service }) as const),
  ];
}

function portOf(part: BrokenPart): InboundPort | OutboundPort | ExternalService {
  return part.kind === 'external' ? part.service : part.port;
}

function alone(bare: ProxyView, part: BrokenPart): ProxyView {
  switch (part.kind) {
    case 'inbound':
      return { ...bare, inbound: [part.port] };
    case 'outbound':
      return { ...bare, outbound: [part.port] };
    case 'external':
      return { ...bare, external: [part.service] };
  }
}

function without(view: ProxyView, closed: ReadonlySet<unknown>): ProxyView {
  const places = new Set(view.outbound.filter((port) => closed.has(port)).map(placeOf));
  return {
    ...view,
    inbound: view.inbound.filter((port) => !closed.has(port)),
    outbound: view.outbound
      .filter((port) => !closed.has(port))
      .map((port) => ({ ...port, rules: port.rules.map((rule) => unresolved(rule, places)) })),
    external: view.external.filter((service) => !closed.has(service)),
  };
}

/** Shares that lead nowhere are one, as where routes are read. */
function unresolved(rule: OutboundRule, closed: ReadonlySet<string>): OutboundRule {
  const open = rule.shares.filter(({ to }) => to !== undefined && !closed.has(placeOf(to)));
  if (open.length === rule.shares.length) return rule;
  const weight = rule.shares.reduce((sum, share) => sum + (open.includes(share) ? 0 : share.weight), 0);
  return { ...rule, shares: [{ weight }, ...open] };
}
