/**
 * What the proxies of one class are told, each part built and encoded once for all that agree in it.
 *
 *   station ──┐                               routes that name the workload ──┐
 *   ways ─────┼──▶ what the members share ────────────────────────────────────┴──▶ one ResourceSnapshot each
 *   endpoints ┘
 *
 * Parts are kept in memos by all that they are made from, so a change of one makes that part anew and no other: an
 * endpoint that comes or goes moves the assignments, and neither clusters nor listeners.
 */

import { workersAssignment } from '../envoy/endpoint.ts';
import { extensionsOf } from '../envoy/extension.ts';
import { externalResources } from '../envoy/external-service.ts';
import { stationListeners } from '../envoy/listener.ts';
import { serviceCluster } from '../envoy/names.ts';
import type { Platform } from '../envoy/platform.ts';
import { platformOf } from '../envoy/platform.ts';
import { type Caller, isOpen } from '../envoy/proxy-parts.ts';
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { fixtureResources, stationClusters, wayResources } from '../envoy/resources-for.ts';
import { sharedInboundRoutes } from '../envoy/route.ts';
import { doorSecrets, identitySecretOf } from '../envoy/secret.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { asksForVerdicts, type OutboundPort } from '../policy/view.ts';
import type { SharedView, ViewClass } from '../policy/view-classes.ts';
import type { Resource } from '../xds/resource.ts';
import type { Encoder } from './encoder.ts';
import { Memo } from './memo.ts';
import { type OwnPartsMaker, ownPartsOf } from './own-parts.ts';

export class ClassConfiguration {
  private platform: Platform;
  private readonly encoder: Encoder;
  private readonly made = new Memo<readonly Resource[]>();
  private readonly owners = new Memo<OwnPartsMaker>();

  constructor(platform: Platform, encoder: Encoder) {
    this.platform = platform;
    this.encoder = encoder;
  }

  /** @param platform as before but for where the authorization workers are. */
  standIn(platform: Platform): void {
    this.platform = platform;
  }

  /** @returns the very same list where nothing in it moved. @throws what a builder throws. */
  shared({ key, view }: ViewClass, trust: ProxyTrust): readonly Resource[] {
    const parts = [
      this.identity(view, trust),
      this.fixtures(view, trust),
      this.workers(view),
      this.station(view, trust),
      this.ways(view, trust),
      this.exits(view),
    ];
    return this.made.of(`class ${key}`, parts, () => parts.flat());
  }

  /** What makes of a member's key that which is its alone; the very same maker while it would make the same. */
  own(one: ViewClass): OwnPartsMaker {
    const { inbound, workload } = one.view;
    return this.owners.of(`own ${workload.spiffeId}`, [inbound], () => ownPartsOf(one, this.encoder));
  }

  /** Forgets what was of no use since the last time. */
  sweep(): void {
    this.made.sweep();
    this.owners.sweep();
  }

  private identity({ workload }: SharedView, trust: ProxyTrust): readonly Resource[] {
    const { certificateChainPem, privateKeyPem } = trust;
    return this.made.of(`identity ${workload.spiffeId}`, [certificateChainPem, privateKeyPem], () =>
      this.encoder.encodeAll([identitySecretOf(trust)]),
    );
  }

  private fixtures(view: SharedView, { rootPem, bundles }: ProxyTrust): readonly Resource[] {
    const { trustDomain } = view;
    const { tracing, scrapers } = view.observation;
    const { capture, addresses } = view.workload;
    const asks = asksForVerdicts(view);
    const believed = only(bundles, [systemNamespace, ...scrapers.map(({ tenant }) => tenant)]);
    const inputs = [trustDomain, tracing, scrapers, rootPem, ...believed.values()];
    return this.made.of(`fixtures ${capture} ${addresses.join(' ')} ${asks}`, inputs, () => {
      const observation = { scrapers, ...(tracing && { tracing }) };
      const fixture = { trustDomain, observation, workload: { capture, addresses }, asksForVerdicts: asks };
      const name = JSON.stringify([fixture, rootPem, ...believed.values()]);
      return this.encoder.encodeOnce(name, () =>
        fixtureResources(fixture, { rootPem, bundles: believed }, this.platform),
      );
    });
  }

  private workers(view: SharedView): readonly Resource[] {
    if (!asksForVerdicts(view)) return none;
    const { authz } = this.platform;
    return this.made.of('workers', [authz], () =>
      this.encoder.encodeOnce(JSON.stringify(['workers', authz]), () => [workersAssignment(authz)]),
    );
  }

  /** By what the doors are and not by whose: workloads of one tenant often have the same. */
  private station(view: SharedView, { bundles }: ProxyTrust): readonly Resource[] {
    const { trustDomain, workload, inbound, observation } = view;
    const believed = only(
      bundles,
      inbound.flatMap((port) => port.callers.map(({ tenant }) => tenant)),
    );
    const inputs = [trustDomain, workload, inbound, observation, ...believed.values()];
    return this.made.of(`station ${workload.spiffeId}`, inputs, () => this.stationParts(view, believed).flat());
  }

  private stationParts(view: SharedView, believed: ProxyTrust['bundles']): readonly (readonly Resource[])[] {
    const { trustDomain, inbound } = view;
    const { samplePercent, tracing } = view.observation;
    const { spiffeId, ...workload } = view.workload;
    // Only a span tells one service account from another.
    const serviceAccount = tracing === undefined ? '' : workload.serviceAccount;
    const doors = inbound.map(({ port, protocol, callers, everyRequest }) => ({
      port,
      protocol,
      callers,
      everyRequest,
    }));
    const observation = { samplePercent, ...(tracing && { tracing }) };
    const station = { trustDomain, workload: { ...workload, serviceAccount }, inbound: doors, observation };
    const ports = inbound.map((each) => [each.port, each.protocol, isOpen(each)]);
    const place = JSON.stringify([trustDomain, station.workload, doors]);
    return [
      this.made.of(`peers ${place}`, [...believed.values()], () =>
        this.encoder.encodeAll(doorSecrets(station, { bundles: believed })),
      ),
      this.made.of(`applications ${JSON.stringify([station.workload, ports])}`, [], () =>
        this.encoder.encodeAll(stationClusters(station, this.platform)),
      ),
      this.made.of(`doors ${place}`, [samplePercent, tracing], () => this.encoder.encodeAll(stationListeners(station))),
      this.made.of(`rules ${spiffeId}`, [inbound], () =>
        this.encoder.encodeAll([...extensionsOf({ trustDomain, inbound }), ...sharedInboundRoutes(inbound)]),
      ),
    ];
  }

  private ways(view: SharedView, { bundles }: ProxyTrust): readonly Resource[] {
    const { outbound, workload, observation } = view;
    const { tenant, capture } = workload;
    const { tracing } = observation;
    // Likewise.
    const serviceAccount = tracing === undefined ? '' : workload.serviceAccount;
    const believed = [...new Set(outbound.map((port) => port.tenant))].map((owner) => bundles.get(owner));
    return this.made.of(`ways ${capture} ${serviceAccount}`, [outbound, tracing, ...believed], () => {
      const caller = { workload: { tenant, capture, serviceAccount }, observation: { ...(tracing && { tracing }) } };
      return outbound.flatMap((port) => [...this.way(caller, port, bundles.get(port.tenant)), ...this.endpoints(port)]);
    });
  }

  private way(caller: Caller, port: OutboundPort, bundle: string | undefined): readonly Resource[] {
    const { endpoints, ...way } = port;
    const { capture, serviceAccount } = caller.workload;
    const inputs = [capture, caller.observation.tracing, bundle, ...Object.values(way)];
    return this.made.of(`way ${serviceCluster(port)} ${serviceAccount}`, inputs, () => {
      const trust = { bundles: new Map(bundle === undefined ? [] : [[port.tenant, bundle]]) };
      return this.encoder.encodeAll(wayResources(caller, way, trust, this.platform));
    });
  }

  private endpoints(port: OutboundPort): readonly Resource[] {
    const { endpoints, serverSpiffeIds } = port;
    return this.made.of(`endpoints ${serviceCluster(port)}`, [endpoints, serverSpiffeIds], () =>
      this.encoder.assignment(port),
    );
  }

  private exits({ external, workload }: SharedView): readonly Resource[] {
    return this.made.of('exits', [external, workload.capture], () =>
      this.encoder.encodeAll(
        external.flatMap((each) => externalResources(each, workload.capture, platformOf(workload, this.platform))),
      ),
    );
  }
}

const none: readonly Resource[] = [];

function only(bundles: ProxyTrust['bundles'], tenants: readonly string[]): ProxyTrust['bundles'] {
  return new Map(
    [...new Set(tenants)].flatMap((tenant) => {
      const bundle = bundles.get(tenant);
      return bundle === undefined ? [] : [[tenant, bundle] as const];
    }),
  );
}
