/**
 * SDS: the workload's certificate, and one validation context per kind of peer.
 *
 * A context is anchored at one tenant: its intermediate, or the two of a rotation. The list of names is never empty:
 * Envoy reads an empty list as "anyone", so nobody is written as one name that no certificate can carry.
 */
import { create } from '@bufbuild/protobuf';
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType,
  SubjectAltNameMatcherSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';
import { controlPlaneSpiffeId, systemNamespace } from '../model/system-namespace.ts';
import type { Scrapers } from '../policy/observation.ts';
import { hasServers } from '../policy/outbound-view.ts';
import type { CallerTenant } from '../policy/view.ts';
import type { SharedView } from '../policy/view-classes.ts';
import { authzServerName } from './ext-authz.ts';
import {
  authzTrustSecret,
  controlPlaneTrustSecret,
  identitySecret,
  peersSecret,
  scrapersSecret,
  serversSecret,
  tenantTrustSecret,
} from './names.ts';
import type { Door, Fixture, Station, Way } from './proxy-parts.ts';
import type { ProxyTrust } from './proxy-trust.ts';
import { type EnvoyResource, resource } from './resource.ts';
import { exact, prefix, type StringMatch } from './string-match.ts';

/** A name outside every trust domain: what an empty list of callers is written as. */
const nobody = 'spiffe://nobody.invalid/ns/nobody/sa/nobody';

/** Whom to believe at the declared ports. */
export function doorSecrets(view: Station, trust: Pick<ProxyTrust, 'bundles'>): readonly EnvoyResource[] {
  return [
    ...tenantsToTrust(view).map((tenant) =>
      validationContext(tenantTrustSecret(tenant), tenant, trust, [prefix(spiffeIdPrefix(view.trustDomain, tenant))]),
    ),
    ...view.inbound.flatMap((port) => port.callers.flatMap((caller) => peers(port, caller, trust))),
  ];
}

/** Whom to believe that is no workload's peer. */
export function fixtureSecrets(
  view: Fixture,
  trust: Pick<ProxyTrust, 'rootPem' | 'bundles'>,
): readonly EnvoyResource[] {
  return [
    ...(view.asksForVerdicts ? [authzWorkers(trust)] : []),
    controlPlane(view, trust),
    ...view.observation.scrapers.map((each) => scrapersOf(each, trust)),
  ];
}

/** Whose CAs this proxy needs: its own tenant's, its callers', those whose services it may dial, its scrapers', and the control plane's. */
export function tenantsOf(view: SharedView): readonly string[] {
  const callers = view.inbound.flatMap((port) => port.callers.map((caller) => caller.tenant));
  const servers = view.outbound.map(({ tenant }) => tenant);
  const scrapers = view.observation.scrapers.map(({ tenant }) => tenant);
  return [...new Set([systemNamespace, view.workload.tenant, ...callers, ...servers, ...scrapers])].sort();
}

function tenantsToTrust(view: Station): readonly string[] {
  const callers = view.inbound.filter((port) => port.protocol !== 'tcp').flatMap((port) => port.callers);
  return [...new Set(callers.map((caller) => caller.tenant))].sort();
}

/** The SDS secret of whoever serves or calls with this certificate. */
export function identitySecretOf(trust: Pick<ProxyTrust, 'certificateChainPem' | 'privateKeyPem'>): EnvoyResource {
  return resource(
    SecretSchema,
    identitySecret,
    create(SecretSchema, {
      name: identitySecret,
      type: {
        case: 'tlsCertificate',
        value: {
          certificateChain: { specifier: { case: 'inlineString', value: trust.certificateChainPem } },
          privateKey: { specifier: { case: 'inlineString', value: trust.privateKeyPem } },
        },
      },
    }),
  );
}

function peers(port: Door, caller: CallerTenant, trust: Pick<ProxyTrust, 'bundles'>): EnvoyResource[] {
  if (port.protocol !== 'tcp') return [];
  const names = caller.spiffeIds.length === 0 ? [nobody] : caller.spiffeIds;
  return [validationContext(peersSecret(port.port, caller.tenant), caller.tenant, trust, names.map(exact))];
}

/** Whom to believe at the end of a way. */
export function waySecret(way: Way, trust: Pick<ProxyTrust, 'bundles'>): readonly EnvoyResource[] {
  if (!hasServers(way)) return [];
  return [validationContext(serversSecret(way), way.tenant, trust, way.serverSpiffeIds.map(exact))];
}

/** The name is one that no tenant's CA may sign: their name constraints exclude DNS names. */
function authzWorkers({ rootPem }: Pick<ProxyTrust, 'rootPem'>): EnvoyResource {
  const context = contextOf(rootPem, SubjectAltNameMatcher_SanType.DNS, [exact(authzServerName)]);
  return contextSecret(authzTrustSecret, context);
}

/** One name, and the one CA that may give it: a tenant's CA could write the same name, and is not believed here. */
function controlPlane({ trustDomain }: Fixture, trust: Pick<ProxyTrust, 'bundles'>): EnvoyResource {
  return validationContext(controlPlaneTrustSecret, systemNamespace, trust, [exact(controlPlaneSpiffeId(trustDomain))]);
}

function scrapersOf({ tenant, spiffeIds }: Scrapers, trust: Pick<ProxyTrust, 'bundles'>): EnvoyResource {
  return validationContext(scrapersSecret(tenant), tenant, trust, spiffeIds.map(exact));
}

function validationContext(
  name: string,
  tenant: string,
  trust: Pick<ProxyTrust, 'bundles'>,
  names: readonly StringMatch[],
): EnvoyResource {
  const bundle = trust.bundles.get(tenant);
  if (bundle === undefined || names.length === 0) {
    throw new Error(`a validation context for tenant \`${tenant}\` needs its CA certificate and at least one name`);
  }
  return contextSecret(name, contextOf(bundle, SubjectAltNameMatcher_SanType.URI, names));
}

function contextOf(
  anchorsPem: string,
  sanType: SubjectAltNameMatcher_SanType,
  names: readonly StringMatch[],
): CertificateValidationContext {
  return create(CertificateValidationContextSchema, {
    trustedCa: { specifier: { case: 'inlineString', value: anchorsPem } },
    matchTypedSubjectAltNames: names.map((matcher) => create(SubjectAltNameMatcherSchema, { sanType, matcher })),
  });
}

function contextSecret(name: string, value: CertificateValidationContext): EnvoyResource {
  return resource(SecretSchema, name, create(SecretSchema, { name, type: { case: 'validationContext', value } }));
}
