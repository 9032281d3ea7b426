/** JSON pointers, as TypeBox speaks them, and field paths such as `spec.ports[0].name`, as authors read them. */

/** @param pointer RFC 6901, empty for the whole. @returns `undefined` where it leads nowhere. */
export function valueAt(root: unknown, pointer: string): unknown {
  return segments(pointer).reduce(child, root);
}

export function fieldPath(root: unknown, pointer: string): string {
  let path = '';
  let here = root;
  for (const segment of segments(pointer)) {
    path = joinPath(path, Array.isArray(here) ? Number(segment) : segment);
    here = child(here, segment);
  }
  return path;
}

export function joinPath(path: string, step: string | number): string {
  if (typeof step === 'number') return `${path}[${step}]`;
  return path === '' ? step : `${path}.${step}`;
}

function segments(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function child(parent: unknown, key: string): unknown {
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) return undefined;
  return Reflect.get(parent, key);
}
