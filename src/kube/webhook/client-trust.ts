/**
 * Whom the webhooks let in: an API server, by the client certificate that it was told to present (decision 0032).
 *
 *   ConfigMap kube-system/extension-apiserver-authentication ─┐
 *   a file and names that the operator gave ──────────────────┴─▶ ClientTrust ──mayAsk──▶ yes | no
 *
 * The authority that a cluster names there vouches for API servers alone, where they pass requests on to others. The one that
 * vouches for its people and kubelets would let in each of them, so it is none to take without names.
 */
import Type from 'typebox';
import { Value } from 'typebox/value';

export type ClientTrust =
  | {
      readonly kind: 'certificate';
      readonly anchorPem: string /** Common names; empty means any of that authority. */;
      readonly names: ReadonlySet<string>;
    }
  /** Whoever reaches the port: said by the operator, of a cluster whose API servers present no certificate. */
  | { readonly kind: 'anyone' }
  /** Not known yet, and so nobody. */
  | { readonly kind: 'nobody' };

const configMap = Type.Object({
  data: Type.Object({
    'requestheader-client-ca-file': Type.String({ minLength: 1 }),
    'requestheader-allowed-names': Type.Optional(Type.String()),
  }),
});
const names = Type.Array(Type.String());

/** Where a cluster says by whom its API servers are vouched for, as clients. */
export const trustConfigMap = { namespace: 'kube-system', name: 'extension-apiserver-authentication' } as const;

/** @returns undefined where it says nothing that is understood. */
export function trustOf(object: unknown): ClientTrust | undefined {
  if (!Value.Check(configMap, object)) return undefined;
  const { data } = object;
  const allowed = parseJson(data['requestheader-allowed-names'] ?? '[]');
  if (!Value.Check(names, allowed)) return undefined;
  return { kind: 'certificate', anchorPem: data['requestheader-client-ca-file'], names: new Set(allowed) };
}

/** @param commonName of a certificate whose chain was verified; several are nobody's. */
export function mayAsk(trust: ClientTrust, commonName: unknown): boolean {
  if (trust.kind !== 'certificate') return trust.kind === 'anyone';
  if (typeof commonName !== 'string') return false;
  return trust.names.size === 0 || trust.names.has(commonName);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
