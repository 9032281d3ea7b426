/**
 * ECDS: the rules behind the wall of each opaque port, a resource of their own.
 *
 * They stand in no filter chain, so that a policy change reaches the next connection and drains none. They repeat what
 * the TLS context of the chain says, and add what it cannot say: the moment at which a grant ends, kept by Envoy alone.
 */
import { create } from '@bufbuild/protobuf';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { SharedView } from '../policy/view-classes.ts';
import { peersRules } from './names.ts';
import { allowPeers } from './rbac.ts';
import { type EnvoyResource, pack, resource } from './resource.ts';

export function extensionsOf(view: Pick<SharedView, 'inbound' | 'trustDomain'>): readonly EnvoyResource[] {
  const opaque = view.inbound.filter(({ protocol }) => protocol === 'tcp');
  return opaque.flatMap(({ port, callers, policy }) =>
    callers.map(({ tenant, spiffeIds }) => {
      const name = peersRules(port, tenant);
      const rules = allowPeers(spiffeIds, policy, view.trustDomain);
      const rbac = create(RBACSchema, { statPrefix: name.replaceAll('/', '_'), rules });
      const typedConfig = pack(RBACSchema, rbac);
      return resource(TypedExtensionConfigSchema, name, create(TypedExtensionConfigSchema, { name, typedConfig }));
    }),
  );
}
