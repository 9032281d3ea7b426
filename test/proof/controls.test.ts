/**
 * Wrong on purpose: what opens a wall is found, and what nobody understands is said to be unknown, never no path.
 *
 *   atelier/web may not call atelier/api, whose one rule names db: so it is proven, and then one resource is spoilt
 */
import { create } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { type FilterChain, FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { PermissionSchema, PrincipalSchema, type RBAC } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { ExtAuthzSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { ExprSchema } from '#gen/google/api/expr/v1alpha1/syntax_pb.js';
import { MeshReading, type ProofMesh } from '../../src/proof/mesh-reading.ts';
import { type Proof, prove } from '../../src/proof/prove.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelierPolicy, twoTenants } from '../fixtures/two-tenants.ts';
import { party, partyAt, proofMesh, withChanged } from './proof-mesh.ts';

const onlyDb = atelierPolicy(
  '{ selector: { matchLabels: { app: api } }, allow: [{ from: { serviceAccounts: [db] }, to: { ports: [8080] } }] }',
);
const sound = proofMesh(meshFrom(documents(twoTenants, onlyDb)));
const callee = 'atelier/api-1';

function ask(mesh: ProofMesh, from = 'atelier/web-1', compromised = true): Proof['kind'] {
  const question = { from: party(from), to: partyAt(callee, 8_080), compromised, hopsMax: 1 };
  return prove(new MeshReading(mesh), question).kind;
}

test('the sound mesh has no path, and has one for whom its rule names', () => {
  expect(ask(sound)).toBe('no-path');
  expect(ask(sound, 'notaire/web-1')).toBe('no-path');
  expect(ask(sound, 'atelier/db-1')).toBe('path');
  expect(ask(sound, 'atelier/db-1', false)).toBe('path');
});

const stranger: Any = create(AnySchema, { typeUrl: 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua' });

interface Control {
  readonly what: string;
  readonly mesh: ProofMesh;
  readonly own: Proof['kind'];
  /** Of another tenant. */
  readonly other: Proof['kind'];
}

const controls: readonly Control[] = [
  { what: 'a plaintext chain whose routes still have rules', mesh: chain(plaintext), own: 'no-path', other: 'no-path' },
  {
    what: 'a plaintext chain straight to the application',
    mesh: chain((each) => {
      plaintext(each);
      each.filters = straight().filters;
    }),
    own: 'path',
    other: 'path',
  },
  {
    what: 'a default filter chain without rules',
    mesh: listener((each) => {
      each.defaultFilterChain = straight();
    }),
    own: 'path',
    other: 'path',
  },
  {
    what: 'a worker that is ignored when it fails, behind rules that still stand',
    mesh: filter('envoy.filters.http.ext_authz', failOpen),
    own: 'no-path',
    other: 'no-path',
  },
  {
    what: 'a worker that is ignored when it fails, and no rules',
    mesh: rules(undefined, filter('envoy.filters.http.ext_authz', failOpen)),
    own: 'path',
    other: 'no-path',
  },
  {
    what: 'a listener filter that nobody knows',
    mesh: listener((each) => {
      const [first] = each.listenerFilters;
      if (first !== undefined) first.configType = { case: 'typedConfig', value: stranger };
    }),
    own: 'unknown',
    other: 'unknown',
  },
  {
    what: 'a transport socket that nobody knows',
    mesh: chain(({ transportSocket }) => {
      if (transportSocket !== undefined) transportSocket.configType = { case: 'typedConfig', value: stranger };
    }),
    own: 'unknown',
    other: 'unknown',
  },
  {
    what: 'a network filter that nobody knows',
    mesh: chain(({ filters: [first] }) => {
      if (first !== undefined) first.configType = { case: 'typedConfig', value: stranger };
    }),
    own: 'unknown',
    other: 'no-path',
  },
  {
    what: 'an HTTP filter that nobody knows',
    mesh: filter('envoy.filters.http.fault', () => stranger),
    own: 'unknown',
    other: 'no-path',
  },
  {
    what: 'a matcher extension for a principal',
    mesh: rules(({ policies }) => {
      for (const policy of Object.values(policies)) policy.principals = [create(PrincipalSchema)];
    }),
    own: 'unknown',
    other: 'no-path',
  },
  {
    what: 'a condition of another form, which may be true',
    mesh: rules(({ policies }) => {
      for (const policy of Object.values(policies)) {
        policy.principals = [create(PrincipalSchema, { identifier: { case: 'any', value: true } })];
        policy.condition = create(ExprSchema, { exprKind: { case: 'identExpr', value: { name: 'x' } } });
      }
    }),
    own: 'unknown',
    other: 'no-path',
  },
  {
    what: 'a field of the connection manager that our protocol does not know',
    mesh: manager((each) => {
      each.$unknown = [{ no: 9_999, wireType: 0, data: new Uint8Array([1]) }];
    }),
    own: 'unknown',
    other: 'no-path',
  },
  {
    what: 'a permission for whatever is no GET, of which an example is found',
    mesh: rules(({ policies }) => {
      const isGet = create(PermissionSchema, {
        rule: {
          case: 'header',
          value: {
            name: ':method',
            headerMatchSpecifier: {
              case: 'stringMatch',
              value: { matchPattern: { case: 'exact', value: 'GET' } },
            },
          },
        },
      });
      for (const policy of Object.values(policies)) {
        policy.principals = [create(PrincipalSchema, { identifier: { case: 'any', value: true } })];
        policy.permissions = [create(PermissionSchema, { rule: { case: 'notRule', value: isGet } })];
      }
    }),
    own: 'path',
    other: 'no-path',
  },
  {
    what: 'a proxy whose configuration is not there',
    mesh: { ...sound, resources: new Map([...sound.resources].filter(([key]) => key !== callee)) },
    own: 'unknown',
    other: 'unknown',
  },
];

describe('spoilt on purpose', () => {
  test.each(controls)('$what', ({ mesh, own, other }) => {
    expect({ own: ask(mesh), other: ask(mesh, 'notaire/web-1') }).toEqual({ own, other });
  });
});

function listener(change: (listener: Listener) => void): ProofMesh {
  return withChanged(sound, callee, ListenerSchema, 'inbound', change);
}

function chain(change: (chain: FilterChain) => void): ProofMesh {
  return listener(({ filterChains: [first] }) => {
    if (first === undefined) throw new Error('there is no chain');
    change(first);
  });
}

function plaintext(each: FilterChain): void {
  Reflect.deleteProperty(each, 'transportSocket');
  Reflect.deleteProperty(each, 'filterChainMatch');
}

function straight(): FilterChain {
  const proxy = create(TcpProxySchema, { clusterSpecifier: { case: 'cluster', value: 'app/8080' } });
  const configType = { case: 'typedConfig', value: anyPack(TcpProxySchema, proxy) } as const;
  return create(FilterChainSchema, { name: 'straight', filters: [{ name: 'tcp', configType }] });
}

function manager(change: (manager: HttpConnectionManager) => void): ProofMesh {
  return chain(({ filters: [first] }) => {
    const any = first?.configType.case === 'typedConfig' ? first.configType.value : undefined;
    const message = any === undefined ? undefined : anyUnpack(any, HttpConnectionManagerSchema);
    if (first === undefined || message === undefined) throw new Error('there is no connection manager');
    change(message);
    first.configType = { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, message) };
  });
}

function filter(name: string, change: (any: Any) => Any): ProofMesh {
  return manager(({ httpFilters }) => {
    const found = httpFilters.find((each) => each.name === name);
    if (found?.configType.case !== 'typedConfig') throw new Error(`there is no \`${name}\``);
    found.configType = { case: 'typedConfig', value: change(found.configType.value) };
  });
}

function failOpen(any: Any): Any {
  const authz = anyUnpack(any, ExtAuthzSchema) ?? create(ExtAuthzSchema);
  return anyPack(ExtAuthzSchema, { ...authz, failureModeAllow: true });
}

/** @param change undefined takes the allow rules away. */
function rules(change: ((rules: RBAC) => void) | undefined, mesh = sound): ProofMesh {
  return withChanged(mesh, callee, RouteConfigurationSchema, 'in/8080', ({ virtualHosts }) => {
    for (const { typedPerFilterConfig: settings } of virtualHosts) {
      const any = settings['coffre.rbac.allow'];
      const perRoute = any === undefined ? undefined : anyUnpack(any, RBACPerRouteSchema);
      if (perRoute?.rbac?.rules === undefined) throw new Error('there are no allow rules');
      if (change === undefined) Reflect.deleteProperty(perRoute, 'rbac');
      else change(perRoute.rbac.rules);
      settings['coffre.rbac.allow'] = anyPack(RBACPerRouteSchema, perRoute);
    }
  });
}
