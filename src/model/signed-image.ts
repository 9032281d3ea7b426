/**
 * Who vouches for an image: statements that travel with the pod, each signed.
 *
 *   annotation ──▶ statements ──this digest?──▶ ──signature, by each key──▶ names of the signers
 *
 * A statement is what `cosign sign` signs: a simple signing payload that names the digest of a manifest, and a signature
 * over its bytes, on P-256 with SHA-256 or Ed25519. They come in the pod's annotation, since nobody here asks a registry;
 * it need not be believed, because the signature is over the digest that the pod runs. A key of another kind is none.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { isRecord } from './prune.ts';

/** Annotation of a pod: a JSON list of `{payload, signature}`, both base64. */
export const signaturesAnnotation = 'coffre.dev/image-signatures';

/** Most statements of one pod that are read. */
const statementsMax = 64;
/** Longest payload, in characters of base64. */
const payloadLengthMax = 4_096;
/** Longest signature, in characters of base64: one on P-256 has 96. */
const signatureLengthMax = 256;
/** What a payload says it is. */
const payloadType = 'cosign container image signature';

export interface SignedStatement {
  readonly digest: string;
  /** That was signed. */
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** @param annotation hostile. What is no statement is passed over: it vouches for nothing. Never throws. */
export function readStatements(annotation: string): readonly SignedStatement[] {
  const list = parsed(annotation);
  if (!Array.isArray(list)) return [];
  return list.slice(0, statementsMax).flatMap((item: unknown) => {
    if (!isRecord(item)) return [];
    const { payload, signature } = item;
    if (typeof payload !== 'string' || payload.length > payloadLengthMax) return [];
    if (typeof signature !== 'string' || signature.length > signatureLengthMax) return [];
    const bytes = Buffer.from(payload, 'base64');
    const digest = digestIn(parsed(bytes.toString()));
    return digest === undefined ? [] : [{ digest, payload: bytes, signature: Buffer.from(signature, 'base64') }];
  });
}

/** @returns undefined for what is no key on P-256 or Ed25519. Never throws. */
export function readPublicKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: pem, format: 'pem' });
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
    return type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1') ? key : undefined;
  } catch {
    return undefined;
  }
}

export function isSignedBy({ payload, signature }: SignedStatement, key: KeyObject): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key, signature);
  } catch {
    return false;
  }
}

function digestIn(payload: unknown): string | undefined {
  const critical = isRecord(payload) ? payload['critical'] : undefined;
  if (!isRecord(critical) || critical['type'] !== payloadType) return undefined;
  const image = critical['image'];
  const digest = isRecord(image) ? image['docker-manifest-digest'] : undefined;
  return typeof digest === 'string' ? digest : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
