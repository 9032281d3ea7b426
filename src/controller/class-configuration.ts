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
import { externalResources } from '../envoy/external-service.ts';
import { serviceCluster } from '../envoy/names.ts';
import type { Platform } from '../envoy/platform.ts';
import { platformOf } from '../envoy/platform.ts';
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { resource } from '../envoy/resource.ts';
import { stationResources, wayResources } from '../envoy/resources-for.ts';
import { inboundRoutes } from '../envoy/route.ts';
import type { Workload } from '../model/snapshot.ts';
import { programOf } from '../policy/program.ts';
import type { OutboundPort } from '../policy/view.ts';
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
  shared({ key, view }: ViewClass, trust: ProxyTrust): readonly Resource[] {
    return [
      ...this.station(key, view, trust),
      ...view.outbound.flatMap((port) => [...this.way(view, port, trust), ...this.endpoints(port)]),
      ...this.exits(key, view),
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

  private station(key: string, view: SharedView, trust: ProxyTrust): readonly Resource[] {
    const { outbound, external, ...station } = view;
    return this.made.of(`station ${key}`, [...Object.values(station), trust], () =>
      this.encoder.encodeAll(stationResources(station, trust, this.platform)),
    );
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

  private exits(key: string, { external, workload }: SharedView): readonly Resource[] {
    return this.made.of(`exits ${key}`, [external, workload.capture], () =>
      this.encoder.encodeAll(
        external.flatMap((each) => externalResources(each, workload.capture, platformOf(workload, this.platform))),
      ),
    );
  }
}
