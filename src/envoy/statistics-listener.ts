/**
 * The door to a proxy's statistics: the control plane, and the scrapers that the mesh names, read them as Prometheus text.
 *
 *   control plane ──any other SNI──▶ its CA, its one name          ┐
 *   scraper ──SNI of its own tenant──▶ that tenant's CA, its names ┴▶ GET /stats/prometheus
 *
 * One chain for each tenant, as everywhere: two CAs in one chain could each name the other's scrapers. Nothing but numbers
 * can be read here, and yet they tell who calls whom and how often: a scraper of one tenant reads of every tenant.
 */
import { statisticsPort } from '../model/ports.ts';
import { controlPlaneSpiffeId } from '../model/system-namespace.ts';
import { adminDoor, type Visitors } from './admin-door.ts';
import { controlPlaneTrustSecret, scrapersChain, scrapersSecret, sniOf, statisticsListener } from './names.ts';
import type { Platform } from './platform.ts';
import type { Fixture } from './proxy-parts.ts';
import type { EnvoyResource } from './resource.ts';

export function statisticsOf(view: Fixture, { bypass }: Platform): readonly EnvoyResource[] {
  const controlPlane: Visitors = {
    name: statisticsListener,
    trust: controlPlaneTrustSecret,
    spiffeIds: [controlPlaneSpiffeId(view.trustDomain)],
  };
  const scrapers = view.observation.scrapers.map(({ tenant, spiffeIds }) => ({
    name: scrapersChain(tenant),
    sni: sniOf(tenant),
    trust: scrapersSecret(tenant),
    spiffeIds,
  }));
  return adminDoor(
    {
      name: statisticsListener,
      port: statisticsPort,
      paths: ['/stats/prometheus'],
      visitors: [controlPlane, ...scrapers],
    },
    view.workload,
    bypass,
  );
}
