/**
 * What a workload token says, and whether to believe it once its signature is known to be ours.
 *
 *   token ──length, shape──▶ ──signature (token-issuer.io.ts)──▶ header, payload ──judgeToken──▶ workload | reason
 *
 * A token names a workload in `sub` as `namespace/pod` and its service account in `sa`. Audience, issuer, `typ` and the
 * set of header members are exact: an array of audiences, a `kid` or a `crit` is refused rather than interpreted.
 */
export interface TokenSubject {
  /** `namespace/pod`. */
  readonly workload: string;
  readonly serviceAccount: string;
}

export interface TokenExpectation {
  readonly issuer: string;
  readonly nowMs: number;
}

export type TokenRefusal =
  | 'too-long'
  | 'malformed'
  | 'bad-signature'
  | 'wrong-header'
  | 'wrong-issuer'
  | 'wrong-audience'
  | 'no-expiry'
  | 'expired'
  | 'not-yet-valid'
  | 'malformed-subject';

export type TokenVerdict =
  | ({ readonly kind: 'ok'; readonly expiresAtMs: number } & TokenSubject)
  | { readonly kind: 'refused'; readonly reason: TokenRefusal };

/** Longest token looked at, in characters; ours are under 600, and nothing longer costs us a parse. */
export const tokenLengthMax = 2_048;

export const tokenAlgorithm = 'ES256';
export const tokenType = 'coffre-workload+jwt';
export const tokenAudience = 'coffre';

/** How far the clocks of two replicas may differ, in ms. */
export const clockToleranceMs = 30_000;

/** Namespace (RFC 1123 label) and pod or service account (RFC 1123 subdomain), as Kubernetes names them. */
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const subdomain = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
const workloadPattern = new RegExp(`^${label}/${subdomain}$`);
const serviceAccountPattern = new RegExp(`^${subdomain}$`);

const base64url = '[A-Za-z0-9_-]+';
const compactPattern = new RegExp(`^${base64url}\\.${base64url}\\.${base64url}$`);

/** @returns why the text cannot be a token of ours; null where the signature is worth checking. */
export function judgeShape(token: string): TokenRefusal | null {
  if (token.length > tokenLengthMax) return 'too-long';
  return compactPattern.test(token) ? null : 'malformed';
}

/** @param header, payload parsed JSON of a token whose signature is good: ours, perhaps of another day or purpose. */
export function judgeToken(
  header: Readonly<Record<string, unknown>>,
  payload: Readonly<Record<string, unknown>>,
  { issuer, nowMs }: TokenExpectation,
): TokenVerdict {
  const { iss, aud, exp, iat, nbf = iat, sub, sa } = payload;
  if (Object.keys(header).length !== 2 || header['alg'] !== tokenAlgorithm || header['typ'] !== tokenType) {
    return refused('wrong-header');
  }
  if (iss !== issuer) return refused('wrong-issuer');
  if (aud !== tokenAudience) return refused('wrong-audience');
  if (!isSeconds(exp)) return refused('no-expiry');
  if (exp * 1_000 + clockToleranceMs <= nowMs) return refused('expired');
  if (!isSeconds(iat) || !isSeconds(nbf)) return refused('malformed');
  if (Math.max(iat, nbf) * 1_000 - clockToleranceMs > nowMs) return refused('not-yet-valid');
  if (!isWorkloadKey(sub) || !isServiceAccount(sa)) return refused('malformed-subject');
  return { kind: 'ok', workload: sub, serviceAccount: sa, expiresAtMs: exp * 1_000 };
}

export function refused(reason: TokenRefusal): TokenVerdict {
  return { kind: 'refused', reason };
}

/** True for `namespace/pod`; what is not is no path component either. */
export function isWorkloadKey(value: unknown): value is string {
  return typeof value === 'string' && workloadPattern.test(value);
}

function isServiceAccount(value: unknown): value is string {
  return typeof value === 'string' && serviceAccountPattern.test(value);
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
