/**
 * What a proxy has otherwise since an event of its stream, as drills name it: `<type URL>/<name>`.
 *
 * A drill compares each proxy with what it was before, and sets aside what was pushed meanwhile: what came, what was said
 * to be gone, and what the proxy dropped because nothing refers to it any more.
 */
import type { XdsEvent } from '../xds/xds-event.ts';

export function movedResources(event: XdsEvent): readonly string[] {
  switch (event.kind) {
    case 'acked':
      return named(event.typeUrl, [...event.resources.keys(), ...event.removed]);
    case 'unsubscribed':
      return named(event.typeUrl, event.names);
    default:
      return [];
  }
}

function named(typeUrl: string, names: readonly string[]): readonly string[] {
  return names.map((name) => `${typeUrl}/${name}`);
}
