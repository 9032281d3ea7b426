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

import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { extensionsOf } from '../envoy/extension.ts';
import { externalResources } from '../envoy/external-service.ts';
import { serviceCluster } from '../envoy/names.ts';
import type { Platform } from '../envoy/platform.ts';
import { platformOf } from '../envoy/platform.ts';
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { resource } from '../envoy/resource.ts';
import { fixtureResources, stationResources, wayResources } from '../envoy/resources-for.ts';
import { inboundRoutes } from '../envoy/route.ts';
import { doorSecrets, identitySecretOf } from '../envoy/secret.ts';
import type { Workload } from '../model/snapshot.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { programOf } from '../policy/program.ts';
import { asksForVerdicts, type OutboundPort } from '../policy/view.ts';
import { memberView, type SharedView, type ViewClass } from '../policy/view-classes.ts';
import type { Resource } from '../xds/resource.ts';
import type { Encoder } from './encoder.ts';
import { Memo } from './memo.ts';

export class ClassConfiguration {
  private readonly platform: Platform;
  private readonly encoder: Encoder;
  private readonly made = new Memo<readonly Resource[]>();

  constructor(platform: Platform, encoder: Encoder) {
    this.platform = platform;
    this.encoder = encoder;
  }

  /** @throws what a builder throws. */
  shared({ view }: ViewClass, trust: ProxyTrust): readonly Resource[] {
    return [
      ...this.identity(view, trust),
      ...this.fixtures(view, trust),
      ...this.station(view, trust),
      ...view.outbound.flatMap((port) => [...this.way(view, port, trust), ...this.endpoints(port)]),
      ...this.exits(view),
    ];
  }

  /** @throws what a builder throws. */
  own(one: ViewClass, member: Workload): readonly Resource[] {
    const { inbound } = one.view;
    return this.made.of(`routes ${member.key}`, [inbound], () =>
      this.encoder.encodeAll(inboundRoutes(memberView(one, member))),
    );
  }

  program(one: ViewClass, member: Workload): Resource | undefined {
    const { inbound, workload } = one.view;
    const [program] = this.made.of(`program ${member.key}`, [inbound, workload.spiffeId], () => [
      this.encoder.encode(resource(PolicyProgramSchema, member.key, programOf(memberView(one, member)))),
    ]);
    return program;
  }

  /** Forgets what was of no use since the last time. */
  sweep(): void {
    this.made.sweep();
  }

  private identity({ workload }: SharedView, trust: ProxyTrust): readonly Resource[] {
    const { certificateChainPem, privateKeyPem } = trust;
    return this.made.of(`identity ${workload.spiffeId}`, [certificateChainPem, privateKeyPem], () =>
      this.encoder.encodeAll([identitySecretOf(trust)]),
    );
  }

  private fixtures(view: SharedView, { rootPem, bundles }: ProxyTrust): readonly Resource[] {
    const { trustDomain, observation } = view;
    const { capture, addresses } = view.workload;
    const asks = asksForVerdicts(view);
    const believed = only(bundles, [systemNamespace, ...observation.scrapers.map(({ tenant }) => tenant)]);
    const inputs = [trustDomain, observation, rootPem, ...believed.values()];
    return this.made.of(`fixtures ${capture} ${addresses.join(' ')} ${asks}`, inputs, () => {
      const fixture = { trustDomain, observation, workload: { capture, addresses }, asksForVerdicts: asks };
      return this.encoder.encodeAll(fixtureResources(fixture, { rootPem, bundles: believed }, this.platform));
    });
  }

  private station(view: SharedView, { bundles }: ProxyTrust): readonly Resource[] {
    const { trustDomain, inbound } = view;
    const { samplePercent, tracing } = view.observation;
    const { spiffeId, ...workload } = view.workload;
    const doors = inbound.map(({ port, protocol, callers, everyRequest }) => ({
      port,
      protocol,
      callers,
      everyRequest,
    }));
    const seat = Object.values({ ...workload, addresses: workload.addresses.join(' ') });
    const doorInputs = [trustDomain, ...seat, ...doors.flatMap((door) => Object.values(door))];
    const observation = { samplePercent, ...(tracing && { tracing }) };
    const station = { trustDomain, workload, inbound: doors, observation };
    const believed = only(
      bundles,
      inbound.flatMap(({ callers }) => callers.map(({ tenant }) => tenant)),
    );
    return [
      ...this.made.of(`peers ${spiffeId}`, [...doorInputs, ...believed.values()], () =>
        this.encoder.encodeAll(doorSecrets(station, { bundles: believed })),
      ),
      ...this.made.of(`station ${spiffeId}`, [...doorInputs, samplePercent, tracing], () =>
        this.encoder.encodeAll(stationResources(station, this.platform)),
      ),
      ...this.made.of(`rules ${spiffeId}`, [trustDomain, inbound], () =>
        this.encoder.encodeAll(extensionsOf({ trustDomain, inbound })),
      ),
    ];
  }

  private way(view: SharedView, port: OutboundPort, { bundles }: ProxyTrust): readonly Resource[] {
    const { tracing } = view.observation;
    const { tenant, capture } = view.workload;
    // Only a span tells one service account from another.
    const serviceAccount = tracing === undefined ? '' : view.workload.serviceAccount;
    const caller = { workload: { tenant, capture, serviceAccount }, observation: { ...(tracing && { tracing }) } };
    const { endpoints, ...way } = port;
    const bundle = bundles.get(port.tenant);
    const inputs = [tenant, capture, serviceAccount, tracing, bundle, ...Object.values(way)];
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

function only(bundles: ProxyTrust['bundles'], tenants: readonly string[]): ProxyTrust['bundles'] {
  return new Map(
    [...new Set(tenants)].flatMap((tenant) => {
      const bundle = bundles.get(tenant);
      return bundle === undefined ? [] : [[tenant, bundle] as const];
    }),
  );
}
