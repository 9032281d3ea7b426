/** Rules over `Tenant` for an API server. */
import { consumerDirectory, graphAudiences, issuerForms } from '../../../model/identity-provider-rules.ts';
import { cel, type FieldRule, literal, unique } from '../field-rule.ts';

const providers = 'spec.identityProviders';
const graph = literal([...graphAudiences].flatMap((audience) => [audience, `${audience}/`]));

/** @param hosts ends with `$`, and begins with `^` or anywhere in a host. @returns pattern of the issuers there. */
function issuerAt(hosts: RegExp): string {
  const [, anchor, host] = /^(\^?)(.*)\$$/.exec(hosts.source) ?? [];
  return `^https://${anchor === '' ? '[^/:]*' : ''}${host}(:|/|$)`;
}

export const tenantRules: readonly FieldRule[] = [
  unique(providers, 'name'),
  cel(
    providers,
    'self.all(provider, self.exists_one(other, other.issuer == provider.issuer))',
    'two providers have one issuer: write one provider with the audiences of both',
  ),
  ...issuerForms.flatMap(({ preset, hosts, issuer, example }) => [
    cel(
      `${providers}[]`,
      `self.preset != 'oidc' || !self.issuer.matches(${literal(issuerAt(hosts))})`,
      `this issuer belongs to the preset \`${preset}\`, which knows whom else it vouches for: write \`preset: ${preset}\``,
    ),
    cel(
      `${providers}[]`,
      `self.preset != ${literal(preset)} || self.issuer.matches(${literal(issuer.source)})`,
      `not how \`${preset}\` writes the issuer of one organisation: write it as \`${example}\``,
    ),
  ]),
  cel(
    `${providers}[]`,
    `self.preset == 'oidc' || !self.issuer.contains(${literal(consumerDirectory)})`,
    'this issuer vouches for personal accounts, which anybody may have: write the issuer of your own directory',
  ),
  cel(
    `${providers}[]`,
    "(self.preset == 'google') == has(self.hostedDomains)",
    '`hostedDomains` is needed for `google`, whose issuer every Google account has, and says nothing elsewhere',
  ),
  cel(
    `${providers}[]`,
    `self.preset != 'entra' || !self.audiences.exists(audience, audience in ${graph})`,
    'nobody else can verify the tokens of Microsoft Graph: register an API of your own and ask for a token for it',
  ),
];
