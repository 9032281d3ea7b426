/**
 * JSON from a stranger, read one way only.
 *
 * `JSON.parse` takes the last of two members of one name; another reader takes the first, and two readers then believe
 * two tokens. So a double is refused, and with it a key that would reach a prototype, and depth beyond any use.
 */
export type Json = null | boolean | number | string | Json[] | JsonMap;
export type JsonMap = { [name: string]: Json };

/** Deepest nesting that is read: claims of real providers have three or four. */
const depthMax = 16;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @returns the object, or `undefined` where the bytes are not UTF-8, not JSON, no object, or can be read two ways. */
export function parseStrictObject(bytes: Uint8Array): JsonMap | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: Json = JSON.parse(text);
    return isMap(value) && hasOneReading(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTextList(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** @param text known to be JSON, so that a string followed by a colon is a name and brackets match. */
function hasOneReading(text: string): boolean {
  /** Names met in each object that is open; an array has none. */
  const open: Set<string>[] = [];
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (name !== undefined) {
      const written = String(JSON.parse(name));
      const names = open.at(-1);
      if (written === '__proto__' || names?.has(written) === true) return false;
      names?.add(written);
    } else if (token === '{' || token === '[') {
      if (open.length === depthMax) return false;
      open.push(new Set());
    } else if (token === '}' || token === ']') {
      open.pop();
    }
  }
  return true;
}
