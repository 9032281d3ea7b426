/**
 * What a judge is asked: one HTTP request, in a form in which equal things are spelled equally.
 *
 *   CheckFields ──accessRequest──▶ AccessRequest | why it cannot be judged
 *
 * Only what Envoy itself vouches for is a field: the verified certificate's name, the address dialled, the request
 * line. What lacks one of them, or holds bytes that policy and application could read differently, is refused here, so
 * that no rule ever sees it.
 */
import { canonicalHost } from './canonical-host.ts';
import type { CheckFields, UnreadableReason } from './check-request.ts';
import { decisionId } from './decision-id.ts';
import { methodLengthMax } from './limits.ts';
import type { RequestHeaders } from './request-headers.ts';

export interface AccessRequest {
  /** The decision id: Envoy's request id, told to the caller and written to every record. */
  readonly id: string;
  readonly principal: Principal;
  readonly destination: { readonly address: string; readonly port: number };
  /** As sent; methods are case-sensitive. */
  readonly method: string;
  /** As Envoy normalised it, if it is set to; without the query. */
  readonly path: string;
  /** What follows the first `?`, as sent; '' for none. */
  readonly query: string;
  /** Lower case, without port and trailing dot. */
  readonly host: string;
  /** `http` or `https`, as the client said: no proof of either. */
  readonly scheme: string;
  readonly headers: RequestHeaders;
  /** The operator's words in Envoy's configuration, not the caller's. */
  readonly contextExtensions: ReadonlyMap<string, string>;
  /** '' unless the filter has `include_tls_session: true`. Chosen by the client. */
  readonly sni: string;
}

/** Who calls, by the certificate that Envoy verified. */
export type Principal =
  | { readonly kind: 'uri-san'; readonly uri: string }
  /** Plaintext, no certificate, or one without a URI SAN: nobody that a rule could name. */
  | { readonly kind: 'none' };

export type AccessRequestResult =
  | { readonly kind: 'readable'; readonly request: AccessRequest }
  | { readonly kind: 'undecodable'; readonly id: string; readonly why: UndecodableReason };

export type UndecodableReason =
  | UnreadableReason
  | 'no-id'
  | 'no-destination'
  | 'bad-method'
  | 'bad-path'
  | 'path-differs'
  | 'bad-host';

/** Stands for the id of a request that had none to read. */
export const unknownId = 'unknown';

export function accessRequest(fields: CheckFields): AccessRequestResult {
  const id = decisionId(fields);
  if (id === undefined) return { kind: 'undecodable', id: unknownId, why: 'no-id' };
  const refuse = (why: UndecodableReason): AccessRequestResult => ({ kind: 'undecodable', id, why });

  const { destinationAddress: address, destinationPort: port } = fields;
  if (address === '' || port < 1 || port > 65_535) return refuse('no-destination');
  if (fields.method.length > methodLengthMax || !methodPattern.test(fields.method)) return refuse('bad-method');
  if (!pathPattern.test(fields.path)) return refuse('bad-path');
  if (pathDiffers(fields)) return refuse('path-differs');
  const host = canonicalHost(fields.host);
  if (host === undefined) return refuse('bad-host');

  const queryAt = fields.path.indexOf('?');
  return {
    kind: 'readable',
    request: {
      id,
      principal: principalOf(fields.principal),
      destination: { address, port },
      method: fields.method,
      path: queryAt < 0 ? fields.path : fields.path.slice(0, queryAt),
      query: queryAt < 0 ? '' : fields.path.slice(queryAt + 1),
      host,
      scheme: fields.scheme,
      headers: fields.headers,
      contextExtensions: fields.contextExtensions,
      sni: fields.sni,
    },
  };
}

/** A token. Source: RFC 9110, section 5.6.2. */
const methodPattern = /^[\w!#$%&'*+.^`|~-]+$/;

/** Visible ASCII without a fragment, or `*` for OPTIONS: what else Envoy may let through is read differently by many. */
const pathPattern = /^(?:\/[!"$-~]*|\*)$/;

/** Raw headers show the path before Envoy made a protobuf string of it, which replaces bytes that are not UTF-8. */
function pathDiffers({ headers, path }: CheckFields): boolean {
  if (headers.form === 'joined') return false;
  const raw = headers.values(':path');
  return !(raw.kind === 'lines' && raw.lines.length === 1 && raw.lines[0] === path);
}

/**
 * The field also carries a DNS name or a subject when the certificate has no URI SAN; neither can look like this.
 */
const uriPattern = /^[a-z][a-z0-9+.-]*:\/\/[!-~]+$/;

function principalOf(text: string): Principal {
  return uriPattern.test(text) ? { kind: 'uri-san', uri: text } : { kind: 'none' };
}
