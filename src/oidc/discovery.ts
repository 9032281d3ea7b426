/**
 * Where an issuer says its keys are. Source: OpenID Connect Discovery 1.0, sections 4.1 and 4.3.
 *
 * The document must name the very issuer it was asked for: a host that serves several issuers, or a swapped answer,
 * would otherwise lend one issuer's keys to another.
 */
import { parseStrictObject } from './strict-json.ts';

/** Longest address of keys, in characters. */
const urlLengthMax = 2_048;

export function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

/** @returns the address of the keys. @throws where the document is not this issuer's, or names no address of keys. */
export function readDiscovery(document: Uint8Array, issuer: string): string {
  const configuration = parseStrictObject(document);
  if (configuration === undefined) throw new Error('the answer is no discovery document');
  if (configuration['issuer'] !== issuer) throw new Error('the discovery document names another issuer');
  const address = configuration['jwks_uri'];
  if (typeof address !== 'string' || address.length > urlLengthMax || !URL.canParse(address)) {
    throw new Error('the discovery document names no address of keys');
  }
  return address;
}
