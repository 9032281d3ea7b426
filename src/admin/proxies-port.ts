/** What the door is told about proxies one by one. */
import type { ProxyEyes } from '../inspect/proxy-eyes.io.ts';
import type { ResourceSnapshot } from '../xds/resource.ts';

export interface ProxiesPort {
  readonly eyes: Pick<ProxyEyes, 'read'>;
  /** What the proxy is to hold now, with what a drill has laid over it; undefined where nothing is configured for it. */
  sent(workload: string): ResourceSnapshot | undefined;
}
