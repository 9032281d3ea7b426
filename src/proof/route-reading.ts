/** Which routes of a RouteConfiguration may take a request, and where each leads with which settings of its filters. */
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Route, RouteAction, RouteMatch, VirtualHost } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { type Certainty, every, some } from './certainty.ts';
import { hasUnknownFields } from './held-resources.ts';
import { type ExampleRequest, matchesHeader } from './request.ts';
import type { Vocabulary } from './sample-requests.ts';
import { type Grasp, matchesText, plainMatcher } from './text-match.ts';

/** By filter name: what the most specific place says. */
export type Settings = Readonly<Record<string, Any>>;

export interface Target {
  /** Absent where it cannot be told, such as from a header. */
  readonly cluster: string | undefined;
  readonly settings: Settings;
}

/** What may become of a request: it goes to one of the targets, or nowhere. */
export interface Outcome {
  /** Of the route; empty for no route. */
  readonly name: string;
  readonly targets: readonly Target[];
}

export interface Routing {
  readonly outcomes: readonly Outcome[];
  /** It is the only outcome. */
  readonly certain: boolean;
}

const nowhere: Outcome = { name: '', targets: [] };

export function routeRequest(config: RouteConfiguration, request: ExampleRequest, grasp: Grasp): Routing {
  const hosts = grasp === 'nothing' ? config.virtualHosts : hostsOf(config.virtualHosts, request.host);
  const outcomes: Outcome[] = [];
  for (const host of hosts) {
    const last = collect(outcomes, config, host, request, grasp);
    if (!last) outcomes.push(nowhere);
  }
  if (hosts.length === 0) outcomes.push(nowhere);
  return { outcomes, certain: outcomes.length === 1 };
}

/** What of it a reader cannot answer for, whatever the request. */
export function strangenessOf(config: RouteConfiguration): string | undefined {
  if (config.vhds !== undefined) return 'virtual hosts on demand';
  if (config.ignorePathParametersInPathMatching || config.ignorePortInHostMatching) return 'a relaxed way of matching';
  if (config.virtualHosts.some(({ matcher }) => matcher !== undefined)) return 'a virtual host with a matcher tree';
  const routes = config.virtualHosts.flatMap((host) => host.routes);
  const actions = routes.flatMap(({ action }) => (action.case === 'route' ? [action.value] : []));
  if (hasUnknownFields(config, ...config.virtualHosts, ...routes, ...routes.map(({ match }) => match), ...actions)) {
    return 'a field of the routes';
  }
  return undefined;
}

export function gatherRoutes(config: RouteConfiguration, vocabulary: Vocabulary): void {
  for (const { domains, routes } of config.virtualHosts) {
    for (const domain of domains) if (domain !== '*') vocabulary.host(domainMatcher(domain));
    for (const { match } of routes) {
      for (const header of match?.headers ?? []) vocabulary.header(header);
      for (const matcher of pathMatchers(match)) vocabulary.path(matcher);
    }
  }
}

/** Every place where filters may be given settings. */
export function settingsIn(config: RouteConfiguration): readonly Settings[] {
  return [
    config.typedPerFilterConfig,
    ...config.virtualHosts.flatMap((host) => [
      host.typedPerFilterConfig,
      ...host.routes.flatMap((route) => [
        route.typedPerFilterConfig,
        ...weightedOf(route).map((each) => each.typedPerFilterConfig),
      ]),
    ]),
  ];
}

export function clustersIn(config: RouteConfiguration): readonly (string | undefined)[] {
  return config.virtualHosts.flatMap((host) => {
    const mirrors = [...config.requestMirrorPolicies, ...host.requestMirrorPolicies];
    return host.routes.flatMap((route) => targetsOf(route, {}, mirrors).map(({ cluster }) => cluster));
  });
}

/** @returns whether one of them takes it for certain, so that nothing else can. */
function collect(
  outcomes: Outcome[],
  config: RouteConfiguration,
  host: VirtualHost,
  request: ExampleRequest,
  grasp: Grasp,
): boolean {
  const common = { ...config.typedPerFilterConfig, ...host.typedPerFilterConfig };
  for (const [index, route] of host.routes.entries()) {
    const matches = matchesRoute(route.match, request, grasp);
    if (matches === 'no') continue;
    const mirrors = [...config.requestMirrorPolicies, ...host.requestMirrorPolicies];
    const name = route.name || `${host.name}#${index}`;
    outcomes.push({ name, targets: targetsOf(route, { ...common, ...route.typedPerFilterConfig }, mirrors) });
    if (matches === 'yes') return true;
  }
  return false;
}

function targetsOf(route: Route, settings: Settings, mirrors: RouteAction['requestMirrorPolicies']): readonly Target[] {
  const { action } = route;
  if (action.case === 'directResponse' || action.case === 'redirect') return [];
  if (action.case !== 'route') return [{ cluster: undefined, settings }];
  const { clusterSpecifier: to, requestMirrorPolicies } = action.value;
  const copies = [...mirrors, ...requestMirrorPolicies].map(({ cluster }) => ({ cluster, settings }));
  switch (to.case) {
    case 'cluster':
      return [{ cluster: to.value, settings }, ...copies];
    case 'weightedClusters':
      return [
        ...weightedOf(route)
          .filter(({ weight = 0 }) => weight > 0)
          .map(({ name, typedPerFilterConfig }) => ({
            cluster: name === '' ? undefined : name,
            settings: { ...settings, ...typedPerFilterConfig },
          })),
        ...copies,
      ];
    default:
      return [{ cluster: undefined, settings }];
  }
}

function weightedOf({ action }: Route) {
  const to = action.case === 'route' ? action.value.clusterSpecifier : undefined;
  return to?.case === 'weightedClusters' ? to.value.clusters : [];
}

function matchesRoute(match: RouteMatch | undefined, request: ExampleRequest, grasp: Grasp): Certainty {
  if (match === undefined) return 'maybe';
  const { runtimeFraction, grpc, tlsContext, queryParameters, dynamicMetadata, headers } = match;
  const beside = [runtimeFraction, grpc, tlsContext, ...queryParameters, ...dynamicMetadata];
  return every([
    matchesPath(match, request, grasp),
    ...headers.map((header) => matchesHeader(header, request, grasp)),
    beside.some((condition) => condition !== undefined) ? 'maybe' : 'yes',
  ]);
}

function matchesPath(match: RouteMatch, { path }: ExampleRequest, grasp: Grasp): Certainty {
  const matchers = pathMatchers(match);
  // Paths begin with a slash: the commonest route needs no look at the rest.
  if (match.pathSpecifier.case === 'prefix' && match.pathSpecifier.value === '/') return 'yes';
  if (matchers.length === 0 || match.caseSensitive === false) return 'maybe';
  return some(matchers.map((matcher) => matchesText(matcher, path, grasp)));
}

/** Any of them matches; none for what is not understood. */
function pathMatchers(match: RouteMatch | undefined): readonly StringMatcher[] {
  const path = match?.pathSpecifier;
  switch (path?.case) {
    case 'prefix':
      return [plainMatcher({ case: 'prefix', value: path.value })];
    case 'path':
      return [plainMatcher({ case: 'exact', value: path.value })];
    case 'pathSeparatedPrefix':
      return [
        plainMatcher({ case: 'exact', value: path.value }),
        plainMatcher({ case: 'prefix', value: `${path.value}/` }),
      ];
    case 'safeRegex':
      return [plainMatcher({ case: 'safeRegex', value: path.value })];
    default:
      return [];
  }
}

/** Envoy's order: the name itself, the longest `*suffix`, the longest `prefix*`, then `*`. */
function hostsOf(hosts: readonly VirtualHost[], name: string): readonly VirtualHost[] {
  let best: { readonly host: VirtualHost; readonly rank: number } | undefined;
  for (const host of hosts) {
    for (const domain of host.domains) {
      const rank = domainRank(domain, name);
      if (rank !== undefined && rank > (best?.rank ?? -1)) best = { host, rank };
    }
  }
  return best === undefined ? [] : [best.host];
}

function domainRank(domain: string, name: string): number | undefined {
  if (domain === '*') return 0;
  if (domain.toLowerCase() === name.toLowerCase()) return 3_000;
  if (domain.startsWith('*') && name.endsWith(domain.slice(1))) return 2_000 + domain.length;
  if (domain.endsWith('*') && name.startsWith(domain.slice(0, -1))) return 1_000 + domain.length;
  return undefined;
}

function domainMatcher(domain: string): StringMatcher {
  if (domain.startsWith('*')) return plainMatcher({ case: 'suffix', value: domain.slice(1) });
  if (domain.endsWith('*')) return plainMatcher({ case: 'prefix', value: domain.slice(0, -1) });
  return plainMatcher({ case: 'exact', value: domain });
}
