/** RFC 6902 as far as we write it, by the book: another hand than the one that made the patch. */
import type { PatchOperation } from '../../../src/kube/json-patch.ts';

export function applyPatch<T>(value: T, patch: readonly PatchOperation[]): T {
  const root = { it: structuredClone(value) as unknown };
  for (const operation of patch) {
    const [, ...parts] = `/it${operation.path}`
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = parts.pop() ?? '';
    const holder = parts.reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], root);
    if (Array.isArray(holder)) {
      if (operation.op === 'add') holder.splice(Number(last), 0, operation.value);
      else if (operation.op === 'remove') holder.splice(Number(last), 1);
      else holder[Number(last)] = operation.value;
    } else if (operation.op === 'remove') delete (holder as Record<string, unknown>)[last];
    else (holder as Record<string, unknown>)[last] = operation.value;
  }
  return root.it as T;
}
