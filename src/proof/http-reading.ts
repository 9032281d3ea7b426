/**
 * One HTTP connection manager, read filter by filter: which requests reach which cluster, on which connection.
 *
 *   request ──route──▶ settings ──▶ RBAC ──▶ ext_authz ──▶ seal ──▶ router ──▶ cluster
 *
 * A worker's verdict is not read here: behind its filter is whoever it may let through, which is never fewer than it does.
 * A filter that nobody here knows may do anything with a request, so nothing is said of what passes the handshake.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import type { RBAC as Rules } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { FilterConfigSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js';
import {
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { type RBAC, RBACPerRouteSchema, RBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import type {
  HttpConnectionManager,
  HttpFilter,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { type Certainty, every, some } from './certainty.ts';
import type { Connection } from './connection.ts';
import { type HeldResources, hasUnknownFields, unpacked } from './held-resources.ts';
import { isSeal, rule, type Visit } from './rbac-reading.ts';
import type { ExampleRequest } from './request.ts';
import {
  clustersIn,
  gatherRoutes,
  type Outcome,
  routeRequest,
  type Settings,
  settingsIn,
  strangenessOf,
  type Target,
} from './route-reading.ts';
import { type SampleRequests, Vocabulary } from './sample-requests.ts';
import type { Grasp } from './text-match.ts';

/** What became of one request, or of one connection. */
export interface Passage {
  readonly passes: Certainty;
  /** What stopped it, or why it is not known. */
  readonly why: string;
  /** Empty for an opaque connection. */
  readonly route: string;
  readonly cluster: string;
  /** RBAC policies that let it pass. */
  readonly rules: readonly string[];
  /** An authorization worker is asked as well. */
  readonly asksWorker: boolean;
}

type FilterReading =
  | { readonly kind: 'rbac'; readonly name: string; readonly rules: Rules | undefined; readonly enabled: boolean }
  | { readonly kind: 'worker'; readonly name: string }
  | { readonly kind: 'passes' }
  | { readonly kind: 'router' };

export class HttpReading {
  /** What of it nobody here understands, whatever the request. */
  readonly strange: string | undefined;
  readonly #filters: readonly FilterReading[];
  readonly #routes: RouteConfiguration | undefined;
  #samples: SampleRequests | undefined;
  readonly #overrides = new WeakMap<Any, Override>();

  constructor(manager: HttpConnectionManager, held: HeldResources) {
    const read = manager.httpFilters.map(readFilter);
    this.#filters = read.flatMap((each) => (typeof each === 'string' ? [] : [each]));
    const { routeSpecifier: from, upgradeConfigs } = manager;
    this.#routes =
      from.case === 'routeConfig'
        ? from.value
        : from.case === 'rds'
          ? held.route(from.value.routeConfigName)
          : undefined;
    this.strange =
      read.find((each) => typeof each === 'string') ??
      (hasUnknownFields(manager) ? 'a field of the connection manager' : undefined) ??
      (from.case === 'scopedRoutes' ? 'scoped routes' : undefined) ??
      (upgradeConfigs.some(({ filters }) => filters.length > 0) ? 'an upgrade with filters of its own' : undefined) ??
      (this.#filters.some(({ kind }) => kind === 'router') ? undefined : 'a chain of filters without a router') ??
      (this.#routes === undefined ? undefined : strangenessOf(this.#routes));
  }

  /** Requests that stand for all at this port. */
  samples(): SampleRequests {
    if (this.#samples !== undefined) return this.#samples;
    const vocabulary = new Vocabulary();
    for (const rules of this.everyRules()) vocabulary.rules(rules);
    if (this.#routes !== undefined) gatherRoutes(this.#routes, vocabulary);
    this.#samples = vocabulary.samples();
    return this.#samples;
  }

  /** Of all its filters and routes. */
  everyRules(): readonly Rules[] {
    const settings = this.#routes === undefined ? [] : settingsIn(this.#routes);
    const overrides = settings.flatMap((each) => Object.values(each).map((any) => this.#overrideOf(any)));
    return [...this.#filters, ...overrides].flatMap((each) =>
      (each.kind === 'rbac' || each.kind === 'rules') && each.rules !== undefined ? [each.rules] : [],
    );
  }

  /** Where its routes lead; undefined among them where that is chosen otherwise. */
  clusters(): ReadonlySet<string | undefined> {
    return new Set(this.#routes === undefined ? [] : clustersIn(this.#routes));
  }

  /** @param only the way to this cluster, where routes lead to several. */
  judge(connection: Connection, request: ExampleRequest, grasp: Grasp, nowMs: number, only?: string): Passage {
    if (this.strange !== undefined) return stopped('maybe', `nobody here understands ${this.strange}`);
    if (this.#routes === undefined) return stopped('no', 'there are no routes for it');
    const { outcomes } = routeRequest(this.#routes, request, grasp);
    const passages = outcomes.map((outcome) => this.#follow(outcome, { connection, request, grasp, nowMs }, only));
    const [first] = passages;
    if (first !== undefined && passages.every(({ passes }) => passes === first.passes)) return first;
    const open = passages.find(({ passes }) => passes !== 'no');
    return open === undefined
      ? stopped('no', 'no virtual host takes it')
      : { ...open, passes: 'maybe', why: open.why || 'which route takes it depends on more than the request' };
  }

  #follow({ name, targets }: Outcome, visit: Omit<Visit, 'asked'>, only: string | undefined): Passage {
    const wanted = targets.filter(({ cluster }) => only === undefined || (cluster ?? only) === only);
    const passages = wanted.map((target) => ({ ...this.#pass(target, visit), route: name }));
    const best = some(passages.map(({ passes }) => passes));
    return passages.find(({ passes }) => passes === best) ?? stopped('no', 'no route forwards it');
  }

  #pass({ cluster, settings }: Target, visit: Omit<Visit, 'asked'>): Passage {
    const rules: string[] = [];
    let passes: Certainty = cluster === undefined ? 'maybe' : 'yes';
    let why = cluster === undefined ? 'where the route leads is chosen by something that is not understood' : '';
    let asked = false;
    for (const filter of this.#filters) {
      if (filter.kind === 'router') break;
      if (filter.kind === 'passes') continue;
      const override = this.#setting(filter.name, settings);
      if (override.kind === 'disabled') continue;
      if (override.kind === 'strange') {
        passes = every([passes, 'maybe']);
        why ||= `the settings of \`${filter.name}\` are not understood`;
        continue;
      }
      if (filter.kind === 'worker') {
        asked = true;
        continue;
      }
      if (!filter.enabled && override.kind === 'none') continue;
      const applied = override.kind === 'rules' ? override.rules : filter.rules;
      if (applied !== undefined && asked && isSeal(applied)) continue;
      const ruling = rule(applied, { ...visit, asked });
      if (ruling.passes === 'no') return stopped('no', deniedBy(filter.name, ruling.by));
      if (ruling.passes === 'maybe') why ||= `a condition of \`${filter.name}\` is not certain`;
      passes = every([passes, ruling.passes]);
      rules.push(...ruling.by);
    }
    return { passes, why, route: '', cluster: cluster ?? '', rules, asksWorker: asked };
  }

  #setting(name: string, settings: Settings): Override {
    const any = settings[name];
    return any === undefined ? { kind: 'none' } : this.#overrideOf(any);
  }

  #overrideOf(any: Any): Override {
    const known = this.#overrides.get(any);
    if (known !== undefined) return known;
    const made = readOverride(any);
    this.#overrides.set(any, made);
    return made;
  }
}

export function stopped(passes: Certainty, why: string): Passage {
  return { passes, why, route: '', cluster: '', rules: [], asksWorker: false };
}

export function deniedBy(filter: string, by: readonly string[]): string {
  return by.length === 0 ? `no policy of \`${filter}\` allows it` : `\`${filter}\` denies it by ${by.join(', ')}`;
}

/** @returns in a word what it is, where nobody here knows it. */
function readFilter({ name, configType, disabled }: HttpFilter): FilterReading | string {
  if (configType.case !== 'typedConfig') return `the filter \`${name}\``;
  const any = configType.value;
  const rbac = unpacked(RBACSchema, any);
  if (rbac !== undefined) {
    return isPlain(rbac) ? { kind: 'rbac', name, rules: rbac.rules, enabled: !disabled } : `the rules of \`${name}\``;
  }
  // Where a route may switch it on, it counts as on: behind it is no fewer requests than a worker lets pass.
  if (unpacked(ExtAuthzSchema, any) !== undefined) return { kind: 'worker', name };
  if (unpacked(HTTPFaultSchema, any) !== undefined) return { kind: 'passes' };
  if (unpacked(RouterSchema, any) !== undefined) return { kind: 'router' };
  return `the filter \`${name}\``;
}

/** What a route says of one filter. */
type Override =
  | { readonly kind: 'none' }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'rules'; readonly rules: Rules | undefined }
  | { readonly kind: 'strange' };

function readOverride(any: Any): Override {
  const perRoute = unpacked(RBACPerRouteSchema, any);
  if (perRoute !== undefined) {
    if (perRoute.rbac === undefined) return hasUnknownFields(perRoute) ? { kind: 'strange' } : { kind: 'disabled' };
    return isPlain(perRoute.rbac) ? { kind: 'rules', rules: perRoute.rbac.rules } : { kind: 'strange' };
  }
  const authz = unpacked(ExtAuthzPerRouteSchema, any);
  if (authz !== undefined) {
    return authz.override.case === 'disabled' && authz.override.value ? { kind: 'disabled' } : { kind: 'none' };
  }
  const config = unpacked(FilterConfigSchema, any);
  if (config?.disabled) return { kind: 'disabled' };
  return config?.config === undefined ? { kind: 'strange' } : readOverride(config.config);
}

/** Said in policies, not in a tree of matchers. */
function isPlain(rbac: RBAC): boolean {
  return rbac.matcher === undefined && !hasUnknownFields(rbac);
}
