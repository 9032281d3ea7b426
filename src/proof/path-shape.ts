/** A path without what differs from one document to the next, so that a thousand requests are one line. */

/** Segments that are told; deeper ones are one. */
const segmentsMax = 6;

/** `/documents/4711/pages/3` is `/documents/{}/pages/{}`: numbers, UUIDs and long tokens with a digit are names of things. */
export function pathShape(path: string): string {
  const [root = '', ...segments] = path.split('/');
  const shaped = segments.map((segment) => (isName(segment) ? '{}' : segment));
  const more = shaped.length > segmentsMax ? ['…'] : [];
  return [root, ...shaped.slice(0, segmentsMax), ...more].join('/');
}

/** Shortest name with a digit in it that is no word of an API, such as `v1alpha1`, in characters. */
const nameLengthMin = 16;
/** Longest word of an API, in characters. */
const wordLengthMax = 40;

function isName(segment: string): boolean {
  if (/^\d+$/.test(segment) || segment.length > wordLengthMax) return true;
  return segment.length >= nameLengthMin && /\d/.test(segment);
}
