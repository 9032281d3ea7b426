/**
 * The door by which the control plane sees what a proxy really holds: not what was sent to it, nor what it acknowledged.
 *
 * The four pages answer without changing anything, whatever their query says, and Envoy blanks private keys and tokens in
 * them. The control plane alone may ask.
 */
import { inspectionPort } from '../model/ports.ts';
import { controlPlaneSpiffeId } from '../model/system-namespace.ts';
import { adminDoor } from './admin-door.ts';
import { controlPlaneTrustSecret, inspectionListener } from './names.ts';
import type { Platform } from './platform.ts';
import type { Fixture } from './proxy-parts.ts';
import type { EnvoyResource } from './resource.ts';

/** Source: Envoy's admin interface, whose changes all demand POST. */
const paths = ['/clusters', '/config_dump', '/runtime', '/stats'] as const;

export function inspectionOf({ workload, trustDomain }: Fixture, { bypass }: Platform): readonly EnvoyResource[] {
  const controlPlane = {
    name: inspectionListener,
    trust: controlPlaneTrustSecret,
    spiffeIds: [controlPlaneSpiffeId(trustDomain)],
  };
  return adminDoor(
    { name: inspectionListener, port: inspectionPort, paths, visitors: [controlPlane] },
    workload,
    bypass,
  );
}
