/** An identity provider on its way to a worker, and back. */
import { create } from '@bufbuild/protobuf';
import { IdentityProviderSchema, type IdentityProvider as ProviderMessage } from '#gen/coffre/policy/v1/program_pb.js';
import type { IdentityProvider } from '../model/snapshot.ts';
import { saysMore } from './rule-message.ts';

const presets: readonly IdentityProvider['preset'][] = ['google', 'entra', 'okta', 'jumpcloud', 'auth0', 'oidc'];

export function writeProvider({ where, audiences, hostedDomains, ...said }: IdentityProvider): ProviderMessage {
  return create(IdentityProviderSchema, {
    ...said,
    audiences: [...audiences],
    hostedDomains: [...hostedDomains],
    file: where.file,
    line: where.line,
  });
}

/** @returns undefined where the message is not whole: a provider without an audience would vouch for anybody. */
export function readProvider(message: ProviderMessage): IdentityProvider | undefined {
  const { name, issuer, audiences, hostedDomains, jwksUri, groupsClaim, file, line } = message;
  const preset = presets.find((each) => each === message.preset);
  if (saysMore(message) || preset === undefined || name === '' || issuer === '') return undefined;
  if (audiences.length === 0 || (preset === 'google' && hostedDomains.length === 0)) return undefined;
  return {
    ...{ name, preset, issuer, audiences },
    ...(jwksUri === undefined ? {} : { jwksUri }),
    ...(groupsClaim === undefined ? {} : { groupsClaim }),
    hostedDomains,
    where: { file, line },
  };
}
