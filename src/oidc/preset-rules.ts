/**
 * What is known of each vendor's tokens beyond the standard: which of them can be verified, what pins them to one
 * organisation, and where the groups are.
 *
 * An issuer and its keys may be shared with strangers; a pin is the claim that tells them apart, and a token without
 * it is nobody's. The vendors' pages for every line: docs/identity-providers.md.
 */
import type { CompactToken } from './compact-token.ts';
import type { IdentityProvider, Preset } from './identity-provider.ts';

interface PresetRules {
  /** Claim with the groups; absent where the vendor has no name of its own. */
  readonly groupsClaim?: string;
  /** @returns why this token is not of the provider's people, or not one that a stranger to the vendor may verify. */
  readonly objection: (token: CompactToken, provider: IdentityProvider) => string | undefined;
}

const presets: Readonly<Record<Preset, PresetRules>> = {
  google: { objection: googleObjection },
  entra: { groupsClaim: 'groups', objection: entraObjection },
  okta: { groupsClaim: 'groups', objection: oktaObjection },
  jumpcloud: { groupsClaim: 'groups', objection: jumpcloudObjection },
  auth0: { objection: () => undefined },
  oidc: { groupsClaim: 'groups', objection: () => undefined },
};

export function presetObjection(token: CompactToken, provider: IdentityProvider): string | undefined {
  return presets[provider.preset].objection(token, provider);
}

export function groupsClaimOf({ preset, groupsClaim }: IdentityProvider): string | undefined {
  return groupsClaim ?? presets[preset].groupsClaim;
}

/** `hd` is there only for accounts of a Workspace: every other Google account has the same issuer and the same keys. */
function googleObjection({ claims, saysAccess }: CompactToken, { hostedDomains }: IdentityProvider) {
  if (saysAccess) return 'Google issues no access token that others can verify: an ID token is needed';
  const { hd } = claims;
  if (typeof hd !== 'string') return 'the token has no `hd`: it is of a Google account outside any Workspace';
  return hostedDomains.includes(hd.toLowerCase())
    ? undefined
    : 'the `hd` of the token is not a hosted domain let in here';
}

/** The issuer names the directory; `tid` and `ver` must agree with it, so that no token of a shared endpoint slips through. */
function entraObjection({ header, claims }: CompactToken, { issuer }: IdentityProvider) {
  if (Object.hasOwn(header, 'nonce')) {
    return 'the token is for Microsoft Graph, which alone can verify it: ask for a token for your own API';
  }
  const [, directory = ''] = new URL(issuer).pathname.split('/');
  if (claims['tid'] !== directory) return 'the `tid` of the token is not the directory of its issuer';
  const version = issuer.endsWith('/v2.0') ? '2.0' : '1.0';
  return claims['ver'] === version ? undefined : `the \`ver\` of the token is not ${version}, as its issuer is`;
}

/** Access tokens of the organisation's own server are for Okta alone; those of a custom authorization server are ours to verify. */
function oktaObjection({ claims, saysAccess }: CompactToken, { issuer }: IdentityProvider) {
  if (new URL(issuer).pathname !== '/') return undefined;
  return saysAccess || Object.hasOwn(claims, 'scp')
    ? 'access tokens of an Okta organisation’s own server are for Okta alone: use an ID token or a custom authorization server'
    : undefined;
}

/** All organisations share the issuer; the client id in `aud` is what is theirs. */
function jumpcloudObjection({ saysAccess }: CompactToken) {
  return saysAccess ? 'JumpCloud issues no access token that others can verify: an ID token is needed' : undefined;
}
