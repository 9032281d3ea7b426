/**
 * Who is at the other end of a call: what its verified certificate says, and the token it carries.
 *
 * The surprise: a certificate is checked once, at the handshake, and a stream may outlive it. `notAfterMs` is given so
 * that whoever keeps a stream open can end it in time.
 */
import type { PeerCertificate } from 'node:tls';
import { type Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js';

export type Peer =
  /** A client certificate that chains to our anchors. */
  | { readonly kind: 'certificate'; readonly spiffeUris: readonly string[]; readonly notAfterMs: number }
  /** No certificate, or one that did not verify: nobody. */
  | { readonly kind: 'none' };

type AuthenticatedCall = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>;

/** By HTTP/2 session: the certificate of a TLS 1.3 connection never changes, and to read it anew costs as much as a whole check. */
const peerOfSession = new WeakMap<object, Peer>();

/** Most URI names read from one certificate; an SVID has exactly one. */
const uriNamesMax = 16;

export function peerOf(call: AuthenticatedCall): Peer {
  const session = sessionOf(call);
  if (session === undefined) return readPeer(call);
  const known = peerOfSession.get(session);
  if (known !== undefined) return known;
  const peer = readPeer(call);
  peerOfSession.set(session, peer);
  return peer;
}

/** @returns undefined where grpc-js keeps it elsewhere than it does today: the certificate is then read for each call. */
function sessionOf(call: object): object | undefined {
  const { session } = (call as { call?: { stream?: { session?: unknown } } }).call?.stream ?? {};
  return typeof session === 'object' && session !== null ? session : undefined;
}

function readPeer(call: AuthenticatedCall): Peer {
  const certificate = call.getAuthContext().sslPeerCertificate;
  return certificate === undefined ? { kind: 'none' } : peerOfCertificate(certificate);
}

/** @param certificate that was verified. */
export function peerOfCertificate(certificate: Pick<PeerCertificate, 'subjectaltname' | 'valid_to'>): Peer {
  const spiffeUris = spiffeUrisOf(certificate.subjectaltname ?? '');
  return { kind: 'certificate', spiffeUris, notAfterMs: Date.parse(certificate.valid_to) };
}

/**
 * @param subjectAltName Node's text form, `URI:spiffe://…, DNS:…`. A name with a comma or a control character is quoted
 * by Node; no SPIFFE ID needs that, so a text with a quote names nobody.
 */
export function spiffeUrisOf(subjectAltName: string): readonly string[] {
  if (subjectAltName.includes('"')) return [];
  return subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('URI:spiffe://'))
    .slice(0, uriNamesMax)
    .map((name) => name.slice('URI:'.length));
}

/** Header in which a proxy shows its token; our own, so that nothing on the way takes it for an end user's. */
export const tokenHeader = 'x-coffre-token';

/** Longest token taken from a header, in characters. */
const tokenLengthMax = 4_096;

/** The characters of a bearer token (RFC 6750). A header given twice arrives as one value with a comma, and so not here. */
const tokenPattern = /^[A-Za-z0-9._~+/=-]+$/;

export type CallToken =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'none' }
  /** Said more than once, too long, or no token at all: not to be guessed at. */
  | { readonly kind: 'refused'; readonly status: status.UNAUTHENTICATED; readonly message: string };

export function tokenOf(metadata: Metadata): CallToken {
  const [token, ...more] = metadata.get(tokenHeader);
  if (token === undefined) return { kind: 'none' };
  const readable = typeof token === 'string' && token.length <= tokenLengthMax && tokenPattern.test(token);
  if (more.length > 0 || !readable) {
    const message = `\`${tokenHeader}\` must be one token of at most ${tokenLengthMax} characters`;
    return { kind: 'refused', status: status.UNAUTHENTICATED, message };
  }
  return { kind: 'token', token };
}
