/** Ways to spoil one compiled resource, and what then is true: by the wall that is gone, not by the reading under test. */
import { create } from '@bufbuild/protobuf';
import { type Any, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { Snapshot, Workload } from '../../src/model/snapshot.ts';
import { decide } from '../../src/policy/decide.ts';
import type { PortPolicy } from '../../src/policy/port-policy.ts';
import { type InboundPort, viewOf } from '../../src/policy/view.ts';
import type { ProofMesh } from '../../src/proof/mesh-reading.ts';
import { requestMethods, requestPaths } from '../fixtures/random-mesh.ts';
import { withChanged } from './proof-mesh.ts';

export interface Scene {
  readonly snapshot: Snapshot;
  readonly mesh: ProofMesh;
  readonly callee: Workload;
  readonly port: InboundPort;
  readonly nowMs: number;
}

export interface Mutant {
  readonly name: string;
  /** @returns the spoilt mesh, and whether a caller now comes in; undefined where there is nothing to spoil. */
  spoil(scene: Scene): { readonly mesh: ProofMesh; comesIn(caller: Workload): boolean } | undefined;
}

const allowName = 'coffre.rbac.allow';
const denyName = 'coffre.rbac.deny';

export const mutants: readonly Mutant[] = [
  {
    name: 'an allow policy for anybody is added',
    spoil: (scene) => {
      const mesh = rules(scene, allowName, (policies) => {
        policies['opened'] = anyone();
      });
      const rule = {
        name: 'opened',
        callers: 'anyone',
        match: { methods: [], paths: [] },
        where: scene.callee.where,
      } as const;
      const { policy } = scene.port;
      return {
        mesh,
        comesIn: (caller) => hasChain(scene, caller) && isAllowed(withAllow(policy, [rule]), scene, caller),
      };
    },
  },
  {
    name: 'an allow policy is dropped',
    spoil: (scene) => {
      const [dropped, ...kept] = scene.port.policy.allow;
      if (dropped === undefined) return undefined;
      const mesh = rules(scene, allowName, (policies) => {
        Reflect.deleteProperty(policies, dropped.name);
      });
      return { mesh, comesIn: (caller) => isAllowed({ ...scene.port.policy, allow: kept }, scene, caller) };
    },
  },
  {
    name: 'the deny policies are dropped',
    spoil: (scene) => {
      if (scene.port.policy.deny.length === 0) return undefined;
      const mesh = rules(scene, denyName, (policies) => {
        for (const name of Object.keys(policies)) Reflect.deleteProperty(policies, name);
      });
      return { mesh, comesIn: (caller) => isAllowed({ ...scene.port.policy, deny: [] }, scene, caller) };
    },
  },
  {
    name: 'both rules are taken from the routes',
    spoil: (scene) => ({
      mesh: routes(scene, (settings) => {
        settings[allowName] = withoutRules();
        settings[denyName] = withoutRules();
      }),
      comesIn: (caller) => hasChain(scene, caller),
    }),
  },
  {
    name: 'the own tenant is believed under one name that nobody has',
    spoil: (scene) => ({
      mesh: withChanged(scene.mesh, scene.callee.key, SecretSchema, `trust/${scene.callee.tenant}`, ({ type }) => {
        if (type.case !== 'validationContext') throw new Error('no validation context');
        for (const { matcher } of type.value.matchTypedSubjectAltNames) {
          if (matcher !== undefined) matcher.matchPattern = { case: 'exact', value: 'spiffe://mesh.test/ns/x/sa/y' };
        }
      }),
      comesIn: (caller) => caller.tenant !== scene.callee.tenant && isAllowed(scene.port.policy, scene, caller),
    }),
  },
  {
    name: 'the CA of another tenant stands in the place of the own one',
    spoil: (scene) => ({
      mesh: withChanged(scene.mesh, scene.callee.key, SecretSchema, `trust/${scene.callee.tenant}`, ({ type }) => {
        const [pem = ''] =
          [...scene.mesh.anchors].find(([, by]) => by.kind === 'tenant' && by.tenant !== scene.callee.tenant) ?? [];
        if (type.case !== 'validationContext' || type.value.trustedCa === undefined) throw new Error('no anchor');
        type.value.trustedCa.specifier = { case: 'inlineString', value: pem };
      }),
      comesIn: (caller) => caller.tenant !== scene.callee.tenant && isAllowed(scene.port.policy, scene, caller),
    }),
  },
  {
    name: 'the own chain asks for no certificate, which the rules still do',
    spoil: (scene) => ({
      mesh: ownChain(scene, (chain) => {
        const socket = chain.transportSocket?.configType;
        const tls = socket?.value === undefined ? undefined : anyUnpack(socket.value, DownstreamTlsContextSchema);
        if (tls === undefined || chain.transportSocket === undefined) throw new Error('no TLS');
        delete tls.requireClientCertificate;
        chain.transportSocket.configType = { case: 'typedConfig', value: anyPack(DownstreamTlsContextSchema, tls) };
      }),
      comesIn: (caller) => isAllowed(scene.port.policy, scene, caller),
    }),
  },
  {
    name: 'the own chain has no TLS and the routes no rules',
    spoil: (scene) => {
      const open = routes(scene, (settings) => {
        settings[allowName] = withoutRules();
        settings[denyName] = withoutRules();
      });
      const mesh = ownChain({ ...scene, mesh: open }, (chain) => {
        delete chain.transportSocket;
        if (chain.filterChainMatch !== undefined) chain.filterChainMatch.transportProtocol = '';
        if (chain.filterChainMatch !== undefined) chain.filterChainMatch.serverNames = [];
      });
      return { mesh, comesIn: () => true };
    },
  },
];

/** Settings of a route that say nothing switch the filter off. */
function withoutRules(): Any {
  return anyPack(RBACPerRouteSchema, create(RBACPerRouteSchema));
}

type Policies = { [name: string]: ReturnType<typeof anyone> };

function anyone() {
  return {
    $typeName: 'envoy.config.rbac.v3.Policy' as const,
    permissions: [
      { $typeName: 'envoy.config.rbac.v3.Permission' as const, rule: { case: 'any' as const, value: true } },
    ],
    principals: [
      { $typeName: 'envoy.config.rbac.v3.Principal' as const, identifier: { case: 'any' as const, value: true } },
    ],
  };
}

function rules(scene: Scene, filter: string, change: (policies: Policies) => void): ProofMesh {
  return perRoute(scene, filter, ({ policies }) => change(policies as Policies));
}

type RbacOfRoute = NonNullable<NonNullable<ReturnType<typeof unpackRbac>>['rbac']>['rules'];

function unpackRbac(any: Parameters<typeof anyUnpack>[0] | undefined) {
  return any === undefined ? undefined : anyUnpack(any, RBACPerRouteSchema);
}

function perRoute(scene: Scene, filter: string, change: (rules: NonNullable<RbacOfRoute>) => void): ProofMesh {
  return routes(scene, (settings) => {
    const message = unpackRbac(settings[filter]);
    if (message?.rbac?.rules === undefined) throw new Error(`no rules of \`${filter}\``);
    change(message.rbac.rules);
    settings[filter] = anyPack(RBACPerRouteSchema, message);
  });
}

type Settings = { [name: string]: Any };

function routes({ mesh, callee, port }: Scene, change: (settings: Settings) => void): ProofMesh {
  return withChanged(mesh, callee.key, RouteConfigurationSchema, `in/${port.port}`, ({ virtualHosts }) => {
    for (const host of virtualHosts) change(host.typedPerFilterConfig);
  });
}

function ownChain({ mesh, callee, port }: Scene, change: (chain: FilterChain) => void): ProofMesh {
  return withChanged(mesh, callee.key, ListenerSchema, 'inbound', ({ filterChains }) => {
    const chain = filterChains.find(({ name }) => name === `in/${port.port}/${callee.tenant}`);
    if (chain === undefined) throw new Error('the own tenant has no chain');
    change(chain);
  });
}

function hasChain({ port }: Scene, { tenant }: Workload): boolean {
  return port.callers.some((caller) => caller.tenant === tenant);
}

function withAllow(policy: PortPolicy, more: PortPolicy['allow']): PortPolicy {
  return { ...policy, allow: [...policy.allow, ...more] };
}

export function isAllowed(policy: PortPolicy, scene: Scene, caller: Workload): boolean {
  return samples(scene, caller).some((request) => decide(policy, request, scene.nowMs).kind === 'allow');
}

function samples({ port }: Scene, { spiffeId: principal }: Workload) {
  if (port.protocol === 'tcp') return [{ kind: 'tcp', principal } as const];
  return [...requestMethods, 'PUT'].flatMap((method) =>
    requestPaths.map((path) => ({ kind: 'http', principal, method, path, host: 'a.test' }) as const),
  );
}

/** Every HTTP port of a mesh. */
export function scenesOf(snapshot: Snapshot, mesh: ProofMesh, nowMs: number): readonly Scene[] {
  return [...snapshot.workloads.values()].flatMap((callee) =>
    viewOf(snapshot, callee, nowMs)
      .inbound.filter(({ protocol }) => protocol !== 'tcp')
      .map((port) => ({ snapshot, mesh, callee, port, nowMs })),
  );
}
