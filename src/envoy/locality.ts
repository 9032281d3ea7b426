/**
 * Endpoints by the place they run in, as EDS says it: sorted by region and zone, those of unknown place first.
 *
 * Envoy spreads requests over all of them alike. A place is told so that it can be seen and drilled; whether a tenant
 * may be answered there was decided in the view, and no endpoint that is near is preferred to one that is far.
 */
import { create } from '@bufbuild/protobuf';
import {
  LbEndpointSchema,
  type LocalityLbEndpoints,
  LocalityLbEndpointsSchema,
} from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type { OutboundEndpoint } from '../policy/view.ts';
import { tcpAddress } from './address.ts';

export function byLocality(endpoints: readonly OutboundEndpoint[]): readonly LocalityLbEndpoints[] {
  const places = Map.groupBy(endpoints, ({ locality }) => `${locality.region} ${locality.zone}`);
  return [...places.keys()].sort().map((place) => {
    const here = places.get(place) ?? [];
    const [{ locality = { region: '', zone: '' } } = {}] = here;
    return create(LocalityLbEndpointsSchema, {
      ...(place.trim() === '' ? {} : { locality: { region: locality.region, zone: locality.zone } }),
      lbEndpoints: here.map(({ address, port }) =>
        create(LbEndpointSchema, {
          hostIdentifier: { case: 'endpoint', value: { address: tcpAddress(address, port) } },
        }),
      ),
    });
  });
}
