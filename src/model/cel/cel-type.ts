/**
 * Types of CEL, as far as a policy needs them.
 *
 * `any` is what a token's claims are: their shape is the provider's, so it is judged when a request comes, and a
 * mistake there is an error, never a match. A `record` is one of our variables: it has the fields we bind and no other.
 */

export type CelType =
  | { readonly kind: 'string' | 'bool' | 'int' | 'double' | 'timestamp' | 'duration' | 'null' | 'any' }
  | { readonly kind: 'list'; readonly of: CelType }
  /** Its keys are strings. */
  | { readonly kind: 'map'; readonly of: CelType }
  | { readonly kind: 'record'; readonly name: string; readonly fields: Readonly<Record<string, CelType>> };

export const string: CelType = { kind: 'string' };
export const bool: CelType = { kind: 'bool' };
export const int: CelType = { kind: 'int' };
export const double: CelType = { kind: 'double' };
export const timestamp: CelType = { kind: 'timestamp' };
export const duration: CelType = { kind: 'duration' };
export const nothing: CelType = { kind: 'null' };
export const any: CelType = { kind: 'any' };

export function listOf(of: CelType): CelType {
  return { kind: 'list', of };
}

export function mapOf(of: CelType): CelType {
  return { kind: 'map', of };
}

export function record(name: string, fields: Readonly<Record<string, CelType>>): CelType {
  return { kind: 'record', name, fields };
}

/** What may stand where `wanted` is asked for. A record stands nowhere: only its fields are values. */
export function accepts(wanted: CelType, found: CelType): boolean {
  if (wanted.kind === 'record' || found.kind === 'record') return false;
  if (wanted.kind === 'any' || found.kind === 'any') return true;
  if ((wanted.kind === 'list' || wanted.kind === 'map') && wanted.kind === found.kind) {
    return accepts(wanted.of, found.of);
  }
  return wanted.kind === found.kind;
}

/** In the words of an error message. */
export function tellType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list of ${tellType(type.of)}`;
    case 'map':
      return `map to ${tellType(type.of)}`;
    case 'record':
      return `variable \`${type.name}\` without a field`;
    default:
      return type.kind;
  }
}
