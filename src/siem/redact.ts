/**
 * What of an event leaves for a SIEM, where people read who may not read it here.
 *
 *   person   p:<pseudonym>:<sealed name>   ──▶ p:<pseudonym>
 *   path     /api/users/4711               ──▶ /api/users/*
 *
 * A name is never told, nor in sealed form: who destroys a tenant's key erases its people, and no copy may outlive that.
 * A path keeps what says which door was tried; what looks like somebody or something in particular becomes a star. A
 * word cannot be told from a name, so `/users/alice` stays as it is: whoever must not have that keeps it out of paths.
 */

/** How paths are told: by their first segments with identifiers masked, or whole. */
export type PathTelling = 'shape' | 'whole';

/** Segments that are told of a path. */
const segmentsTold = 3;

/** Longest segment that can be a word of a route, in characters. */
const wordLengthMax = 32;

/** Digits that a word may have: `v1`, `s3`, `oauth2`, `404`. */
const digitsMax = 3;

/** The pseudonym is the same for the same person and tenant, and means nothing elsewhere. Source: person-seal.ts. */
const personToken = /^(p:[0-9a-f]{12})(?::[\w+/=-]*)?$/;

/** @param person a token, or `owner`; anything else would be a name that should not be there. */
export function redactPerson(person: string): string {
  if (person === 'owner') return person;
  return personToken.exec(person)?.[1] ?? '[redacted]';
}

export function redactPath(path: string, telling: PathTelling): string {
  if (telling === 'whole') return path;
  const [before = '', ...segments] = path.split('/');
  const told = segments.slice(0, segmentsTold).map(maskSegment);
  const rest = segments.length > segmentsTold ? ['…'] : [];
  return [maskSegment(before), ...told, ...rest].join('/');
}

function maskSegment(segment: string): string {
  return segment === '' || isWord(segment) ? segment : '*';
}

function isWord(segment: string): boolean {
  if (segment.length > wordLengthMax || !/^[\w.-]+$/.test(segment)) return false;
  return segment.replaceAll(/\D/g, '').length <= digitsMax;
}
