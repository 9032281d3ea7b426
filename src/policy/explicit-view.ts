/**
 * What a workload under explicit capture may call, at the addresses where its own application dials it: not the
 * service's virtual address, which only interception could serve, but one for this caller and this destination.
 */
import { externalDestination, podDestination } from '../model/explicit-address.ts';
import type { OutboundPort, ProxyView } from './view.ts';

/** @param addresses by destination; what has none is not listened for. */
export function atOwnAddresses<View extends Pick<ProxyView, 'outbound' | 'external'>>(
  view: View,
  addresses: ReadonlyMap<string, string>,
): View {
  return {
    ...view,
    outbound: view.outbound.map((port) => ({ ...port, virtualIps: present(addresses.get(destinationOf(port))) })),
    external: view.external.flatMap((external) =>
      present(addresses.get(externalDestination(external.name))).map((virtualIp) => ({ ...external, virtualIp })),
    ),
  };
}

function destinationOf({ service, pod }: OutboundPort): string {
  return pod === undefined ? service : podDestination(pod);
}

function present(address: string | undefined): readonly string[] {
  return address === undefined ? [] : [address];
}
