/**
 * What a preset demands of a provider, so that its issuer vouches for the people of one organisation and no others.
 *
 * Some issuers are shared by everybody with an account (Google), by all customers (JumpCloud), or by all directories at
 * once (Entra's `common`). There the issuer and the keys are right for a stranger too, and what tells him apart must be
 * written here: a hosted domain, a directory's own issuer, a client id. An issuer that a preset knows may not be
 * written as plain `oidc`, which would leave the demand out. Pages: docs/identity-providers.md.
 */
import type { TenantObject } from './kinds/tenant.ts';
import { quote } from './quote.ts';
import type { Finding } from './sourced-object.ts';

type Provider = NonNullable<TenantObject['spec']['identityProviders']>[number];
type Preset = Provider['preset'];

interface IssuerForm {
  readonly preset: Exclude<Preset, 'oidc'>;
  /** Hosts that belong to the preset's vendor. */
  readonly hosts: RegExp;
  /** Whole issuers of one organisation (or, of a shared issuer, the issuer), as the vendor writes them. */
  readonly issuer: RegExp;
  readonly example: string;
}

const directoryId = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** The directory of personal Microsoft accounts: anybody may have one. */
export const consumerDirectory = '9188040d-6c67-4c5b-b112-36a304b66dad';

export const issuerForms: readonly IssuerForm[] = [
  {
    preset: 'google',
    hosts: /^accounts[.]google[.]com$/,
    issuer: /^https:\/\/accounts[.]google[.]com$/,
    example: 'https://accounts.google.com',
  },
  {
    preset: 'entra',
    hosts:
      /^(login[.]microsoftonline[.](com|us)|login[.]partner[.]microsoftonline[.]cn|login[.]windows[.]net|sts[.]windows[.]net)$/,
    issuer: new RegExp(
      `^https://((login[.]microsoftonline[.](com|us)|login[.]partner[.]microsoftonline[.]cn)/${directoryId}/v2[.]0|sts[.]windows[.]net/${directoryId}/)$`,
    ),
    example: 'https://login.microsoftonline.com/<directory id>/v2.0',
  },
  {
    preset: 'okta',
    hosts: /[.](okta|okta-emea|oktapreview|okta-gov)[.]com$/,
    issuer: /^https:\/\/[a-z0-9.-]+(\/oauth2\/[A-Za-z0-9]+)?$/,
    example: 'https://<organisation>.okta.com/oauth2/default',
  },
  {
    preset: 'jumpcloud',
    hosts: /^oauth[.]id([.][a-z]+)?[.]jumpcloud[.]com$/,
    issuer: /^https:\/\/oauth[.]id([.][a-z]+)?[.]jumpcloud[.]com\/$/,
    example: 'https://oauth.id.jumpcloud.com/',
  },
  {
    preset: 'auth0',
    hosts: /[.]auth0[.]com$/,
    issuer: /^https:\/\/[a-z0-9.-]+\/$/,
    example: 'https://<tenant>.eu.auth0.com/',
  },
];

/** Resources of Microsoft Graph: tokens for it are signed so that nobody else can verify them. */
export const graphAudiences = new Set(['00000003-0000-0000-c000-000000000000', 'https://graph.microsoft.com']);

export function identityProviderFindings(providers: readonly Provider[]): Finding[] {
  return providers.flatMap((provider, index) => {
    const path = `spec.identityProviders[${index}]`;
    const others = providers.slice(0, index);
    return [
      ...doubleFindings(provider, others, path),
      ...issuerFindings(provider, path),
      ...domainFindings(provider, path),
      ...graphFindings(provider, path),
    ];
  });
}

/** A token's `iss` must name one provider: two would be two opinions of its audiences. */
function doubleFindings({ name, issuer }: Provider, others: readonly Provider[], path: string): Finding[] {
  const findings: Finding[] = [];
  if (others.some((other) => other.name === name)) {
    findings.push(bad(`${path}.name`, `two providers are named ${quote(name)}`, 'give each a name of its own'));
  }
  if (others.some((other) => other.issuer === issuer)) {
    const advice = 'write one provider with the audiences of both';
    findings.push(bad(`${path}.issuer`, `two providers have the issuer ${quote(issuer)}`, advice));
  }
  return findings;
}

function issuerFindings({ preset, issuer }: Provider, path: string): Finding[] {
  const host = issuer.slice('https://'.length).split(/[/:]/)[0] ?? '';
  if (preset === 'oidc') {
    const known = issuerForms.find(({ hosts }) => hosts.test(host));
    if (known === undefined) return [];
    const message = `${quote(issuer)} belongs to the preset \`${known.preset}\`, which knows whom else it vouches for`;
    return [bad(`${path}.preset`, message, `write \`preset: ${known.preset}\``)];
  }
  if (issuer.includes(consumerDirectory)) {
    const message = 'this issuer vouches for personal accounts, which anybody may have';
    return [bad(`${path}.issuer`, message, 'write the issuer of your own directory')];
  }
  const form = issuerForms.find((each) => each.preset === preset);
  if (form === undefined || form.issuer.test(issuer)) return [];
  const message = `${quote(issuer)} is not how \`${preset}\` writes the issuer of one organisation: no token would match`;
  return [bad(`${path}.issuer`, message, `write it as \`${form.example}\`, exactly as in the \`iss\` of a token`)];
}

function domainFindings({ preset, hostedDomains }: Provider, path: string): Finding[] {
  if (preset === 'google' && hostedDomains === undefined) {
    return [
      {
        code: 'missing-field',
        severity: 'error',
        path,
        message: '`hostedDomains` is missing: every Google account of the world has this issuer',
        advice: 'name the Workspace domains whose people are let in',
      },
    ];
  }
  if (preset !== 'google' && hostedDomains !== undefined) {
    const message = `\`hostedDomains\` says nothing of a token of \`${preset}\``;
    return [bad(`${path}.hostedDomains`, message, 'remove it; only Google tokens carry `hd`')];
  }
  return [];
}

function graphFindings({ preset, audiences }: Provider, path: string): Finding[] {
  if (preset !== 'entra') return [];
  return audiences.flatMap((audience, index) => {
    if (!graphAudiences.has(audience.replace(/\/$/, ''))) return [];
    const message = `${quote(audience)} is Microsoft Graph, whose tokens nobody else can verify`;
    return [bad(`${path}.audiences[${index}]`, message, 'register an API of your own and ask for a token for it')];
  });
}

function bad(path: string, message: string, advice: string): Finding {
  return { code: 'bad-value', severity: 'error', path, message, advice };
}
