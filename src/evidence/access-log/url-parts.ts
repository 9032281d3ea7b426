/** What of a request's target may be kept: where it went, without what people put beside that, which is where secrets are. */

/** @param text `:path`, perhaps cut. @returns the path alone; empty of what is none, which no application is ever given. */
export function pathOnly(text: string): string {
  const [path = ''] = text.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1);
  return path.startsWith('/') || path === '*' ? path : '';
}

/** Most of `:path`, with its query, that is read of an entry, in characters. A path of this length may have been cut. */
export const pathLengthMax = 1_024;

/** Longest host that is one, in characters: a DNS name, a colon and a port. */
export const hostLengthMax = 259;

/** @param text `:authority`, at least one character more of it than `hostLengthMax`: cut shorter, a name and password could lose their `@`. */
export function hostOnly(text: string): string {
  const isHost = text.length <= hostLengthMax;
  return isHost ? text.slice(text.lastIndexOf('@') + 1) : '';
}
