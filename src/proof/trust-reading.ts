/**
 * Whom one end of a TLS connection believes: the CAs of its validation context, and the names it wants in a certificate.
 *
 *   trusted_ca ──▶ the tenants whose CA it is      match_typed_subject_alt_names ──▶ the names; none means any name
 *
 * Which CA is whose is not in Envoy's configuration: the caller of the proof says it, by the PEM text.
 */
import {
  type CertificateValidationContext,
  SubjectAltNameMatcher_SanType as SanType,
  CertificateValidationContext_TrustChainVerification as Verification,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CommonTlsContext } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { type Certainty, some, whether } from './certainty.ts';
import type { Caller } from './connection.ts';
import { type HeldResources, hasUnknownFields } from './held-resources.ts';
import { matchesText } from './text-match.ts';

/** Whom a CA certificate vouches for: one tenant, or, as the root above all, the mesh. */
export type Anchor = { readonly kind: 'tenant'; readonly tenant: string } | { readonly kind: 'mesh' };

/** By PEM text of one CA certificate. */
export type Anchors = ReadonlyMap<string, Anchor>;

export type Trust =
  /** No CA: whatever a certificate says is believed. */
  | { readonly kind: 'anyone' }
  /** The certificate is checked by what this says. */
  | { readonly kind: 'checked'; readonly context: CertificateValidationContext }
  /** A context that was never delivered: Envoy lets nobody in. */
  | { readonly kind: 'missing'; readonly secret: string }
  | { readonly kind: 'not-understood'; readonly why: string };

export interface Belief {
  readonly believed: Certainty;
  /** Why not, or why it is not known. */
  readonly why: string;
}

export function trustOf(common: CommonTlsContext | undefined, held: HeldResources): Trust {
  if (hasUnknownFields(common)) return { kind: 'not-understood', why: 'a field of the TLS context' };
  const type = common?.validationContextType;
  switch (type?.case) {
    case undefined:
      return { kind: 'anyone' };
    case 'validationContext':
      return checked(type.value);
    case 'validationContextSdsSecretConfig':
      return ofSecret(type.value.name, held);
    case 'combinedValidationContext': {
      const own = type.value.defaultValidationContext;
      const { validationContextSdsSecretConfig: sds } = type.value;
      if (own === undefined || sds === undefined || hasUnknownFields(type.value)) {
        return { kind: 'not-understood', why: 'a combined validation context with a part missing' };
      }
      return combined(own, ofSecret(sds.name, held));
    }
    default:
      return { kind: 'not-understood', why: `the validation context by \`${type?.case}\`` };
  }
}

function ofSecret(name: string, held: HeldResources): Trust {
  const secret = held.secret(name);
  if (secret === undefined) return { kind: 'missing', secret: name };
  if (secret.type.case !== 'validationContext') return { kind: 'not-understood', why: `the secret \`${name}\`` };
  return checked(secret.type.value);
}

/** As Envoy merges the two: what the secret says comes over the default, and lists are joined. */
function combined(own: CertificateValidationContext, delivered: Trust): Trust {
  if (delivered.kind !== 'checked') return delivered.kind === 'anyone' ? checked(own) : delivered;
  const { context } = delivered;
  const trustedCa = context.trustedCa ?? own.trustedCa;
  return checked({
    ...own,
    ...context,
    ...(trustedCa === undefined ? {} : { trustedCa }),
    matchTypedSubjectAltNames: [...own.matchTypedSubjectAltNames, ...context.matchTypedSubjectAltNames],
    matchSubjectAltNames: [...own.matchSubjectAltNames, ...context.matchSubjectAltNames],
  });
}

function checked(context: CertificateValidationContext): Trust {
  const { customValidatorConfig, caCertificateProviderInstance, trustedCa, trustChainVerification } = context;
  if (hasUnknownFields(context, trustedCa)) return { kind: 'not-understood', why: 'a field of the validation context' };
  if (customValidatorConfig !== undefined || caCertificateProviderInstance !== undefined) {
    return { kind: 'not-understood', why: 'a validator of its own' };
  }
  if (trustedCa === undefined || trustChainVerification === Verification.ACCEPT_UNTRUSTED) return { kind: 'anyone' };
  return { kind: 'checked', context };
}

/** Whether a certificate of this identity, from its own tenant's CA, is believed. */
export function believes(context: CertificateValidationContext, caller: Caller, anchors: Anchors): Belief {
  const vouched = vouchedFor(context, caller, anchors);
  if (vouched.believed === 'no') return vouched;
  const named = isNamed(context, caller.spiffeId);
  if (named.believed === 'no') return named;
  const { verifyCertificateHash, verifyCertificateSpki, crl } = context;
  if (verifyCertificateHash.length > 0 || verifyCertificateSpki.length > 0 || crl !== undefined) {
    return { believed: 'maybe', why: 'it checks single certificates by hash, key or revocation' };
  }
  return vouched.believed === 'yes' ? named : vouched;
}

function vouchedFor({ trustedCa }: CertificateValidationContext, { tenant }: Caller, anchors: Anchors): Belief {
  const specifier = trustedCa?.specifier;
  const pem = specifier?.case === 'inlineString' ? specifier.value : undefined;
  if (pem === undefined) return { believed: 'maybe', why: 'its CA certificates stand in a file' };
  const owners = certificatesIn(pem).map((certificate) => anchors.get(certificate));
  if (owners.some((owner) => owner?.kind === 'mesh' || owner?.tenant === tenant)) return { believed: 'yes', why: '' };
  if (owners.length === 0 || owners.includes(undefined)) {
    return { believed: 'maybe', why: 'it believes a CA that nobody here knows' };
  }
  const names = [...new Set(owners.map((owner) => (owner?.kind === 'tenant' ? owner.tenant : 'the mesh')))].sort();
  return { believed: 'no', why: `it believes the CA of ${names.join(' and ')} only, not that of ${tenant}` };
}

function isNamed(context: CertificateValidationContext, spiffeId: string): Belief {
  const { matchTypedSubjectAltNames: typed, matchSubjectAltNames: untyped } = context;
  if (typed.length + untyped.length === 0) return { believed: 'yes', why: '' };
  const matches = [
    // A workload's certificate holds one name, a URI.
    ...typed.map(({ sanType, matcher }) => (sanType === SanType.URI ? matchesText(matcher, spiffeId, 'exact') : 'no')),
    ...untyped.map((matcher) => matchesText(matcher, spiffeId, 'exact')),
    whether(false),
  ];
  const believed = some(matches);
  return { believed, why: believed === 'yes' ? '' : `none of the names it wants is \`${spiffeId}\`` };
}

/** Each as in `Anchors`: from its first line to its last, with the line end. */
function certificatesIn(pem: string): readonly string[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((text) => `${text}\n`);
}

/** Tenants whose identities it may believe at all; undefined where that cannot be said. For an index, not for a verdict. */
export function tenantsBelieved(trust: Trust, anchors: Anchors): readonly string[] | undefined {
  if (trust.kind === 'missing') return [];
  if (trust.kind !== 'checked') return undefined;
  const specifier = trust.context.trustedCa?.specifier;
  if (specifier?.case !== 'inlineString') return undefined;
  const owners = certificatesIn(specifier.value).map((certificate) => anchors.get(certificate));
  const tenants = owners.flatMap((owner) => (owner?.kind === 'tenant' ? [owner.tenant] : []));
  return owners.length > 0 && tenants.length === owners.length ? tenants : undefined;
}
