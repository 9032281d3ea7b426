/** What drills must hear of an event of the xDS server, if anything. */
import { movedResources } from '../controller/moved-resources.ts';
import type { ProxyNews } from '../peers/proxy-news.ts';
import { typeUrls } from '../xds/type-url.ts';
import type { XdsEvent } from '../xds/xds-event.ts';

export function proxyNewsOf(event: XdsEvent): ProxyNews | undefined {
  switch (event.kind) {
    case 'stream-opened':
      return { kind: 'opened', proxy: event.key };
    case 'stream-closed':
      return { kind: 'closed', proxy: event.key };
    case 'nacked':
      if (event.typeUrl !== typeUrls.runtime) return undefined;
      return { kind: 'refused', proxy: event.key, why: event.cause.message };
    case 'lapsed':
      return event.typeUrl === typeUrls.runtime ? { kind: 'lapsed', proxy: event.key } : undefined;
    case 'acked':
    case 'unsubscribed': {
      const resources = movedResources(event);
      return resources.length === 0 ? undefined : { kind: 'accepted', proxy: event.key, resources };
    }
    default:
      return undefined;
  }
}
