/**
 * Paths of rules as regular expressions for Envoy: what `policy/match-path.ts` does, in RE2, which matches the whole text.
 *
 * A deny goes by the names of segments: a segment may have parameters, and of the characters that normalisation leaves
 * encoded each may be written as itself or by its percent sign.
 */
import { uncleanPattern } from '../policy/read-path.ts';

/** Parameters of one segment, or none. */
const parameters = '(?:(?:;|%3[Bb])[^/]*)?';
/** A segment with a name, and its parameters. */
const named = '(?:[^/;%]|%(?:[0-24-9A-Fa-f][0-9A-Fa-f]|3[0-9AC-Fac-f]))[^/]*';

export const uncleanPath = `.*(?:${uncleanPattern}).*`;

/** Whatever can be read in a second way has one of these; the others need no regular expression. */
export const secondReadingMarks = [';', '%'] as const;

/** @param template as written, with its `{…}`. */
export function allowedTemplate(template: string): string {
  return segmentsOf(template)
    .map((segment) => `/${isHole(segment) ? named : escaped(segment)}`)
    .join('');
}

/** @param path exact or template. */
export function deniedPath(path: string): string {
  return segmentsOf(path)
    .map((segment) => `/${isHole(segment) ? named : `${spelled(segment)}${parameters}`}`)
    .join('');
}

export function deniedSubtree(path: string): string {
  return `${deniedPath(path)}(?:/.*)?`;
}

function segmentsOf(path: string): readonly string[] {
  return path.slice(1).split('/');
}

function isHole(segment: string): boolean {
  return segment.startsWith('{');
}

function escaped(text: string): string {
  return text.replace(/[^A-Za-z0-9_~-]/g, '\\$&');
}

/** Each character that normalisation does not decode, in both spellings. */
function spelled(segment: string): string {
  return segment.replace(/[^A-Za-z0-9_~-]/g, (char) => {
    if (char === '.') return '\\.';
    const [high = '', low = ''] = char.charCodeAt(0).toString(16).toUpperCase();
    const lowDigit = /[A-F]/.test(low) ? `[${low}${low.toLowerCase()}]` : low;
    return `(?:\\${char}|%${high}${lowDigit})`;
  });
}
