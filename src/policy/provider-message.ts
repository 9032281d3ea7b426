/** An identity provider on its way to a worker, and back. */
import { create } from '@bufbuild/protobuf';
import {
  type PrivateHost as HostMessage,
  IdentityProviderSchema,
  type IdentityProvider as ProviderMessage,
} from '#gen/coffre/policy/v1/program_pb.js';
import type { IdentityProvider, PrivateHost } from '../model/snapshot.ts';
import { saysMore } from './rule-message.ts';

const presets: readonly IdentityProvider['preset'][] = ['google', 'entra', 'okta', 'jumpcloud', 'auth0', 'oidc'];

export function writeProvider({
  where,
  audiences,
  hostedDomains,
  privateHosts = [],
  ...said
}: IdentityProvider): ProviderMessage {
  return create(IdentityProviderSchema, {
    ...said,
    audiences: [...audiences],
    hostedDomains: [...hostedDomains],
    privateHosts: privateHosts.map(({ addresses, ...host }) => ({ ...host, addresses: [...addresses] })),
    file: where.file,
    line: where.line,
  });
}

/** @returns undefined where the message is not whole: a provider without an audience would vouch for anybody. */
export function readProvider(message: ProviderMessage): IdentityProvider | undefined {
  const { name, issuer, audiences, hostedDomains, jwksUri, groupsClaim, privateHosts, file, line } = message;
  const preset = presets.find((each) => each === message.preset);
  if (saysMore(message) || preset === undefined || name === '' || issuer === '') return undefined;
  if (audiences.length === 0 || (preset === 'google' && hostedDomains.length === 0)) return undefined;
  if (privateHosts.some((each) => saysMore(each) || each.addresses.length === 0)) return undefined;
  return {
    ...{ name, preset, issuer, audiences },
    ...(jwksUri === undefined ? {} : { jwksUri }),
    ...(groupsClaim === undefined ? {} : { groupsClaim }),
    hostedDomains,
    ...(privateHosts.length === 0 ? {} : { privateHosts: privateHosts.map(readHost) }),
    where: { file, line },
  };
}

function readHost({ host, port, addresses }: HostMessage): PrivateHost {
  return { host, port, addresses };
}
