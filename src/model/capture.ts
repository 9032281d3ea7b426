/**
 * How a pod says that it wants no interception, in its annotations, and what else it must say then.
 *
 *   coffre.dev/capture: explicit                    the sidecar binds the pod's addresses and ports itself
 *   coffre.dev/application-address: 127.0.5.1       where the application listens, on loopback, for nobody but the sidecar
 *   coffre.dev/outbound-addresses: shop/db=127.9.0.1, external/api.example=127.9.0.2       instead of allocated ones
 */
import { loopbackIp } from './ip-address.ts';
import type { PodObject } from './kinds/pod.ts';
import { quote } from './quote.ts';
import type { Capture } from './snapshot.ts';
import type { Finding } from './sourced-object.ts';

const captureKey = 'coffre.dev/capture';
const applicationKey = 'coffre.dev/application-address';
const outboundKey = 'coffre.dev/outbound-addresses';

const annotationsPath = 'metadata.annotations';
export const applicationPath = `${annotationsPath}.${applicationKey}`;
export const outboundPath = `${annotationsPath}.${outboundKey}`;

/** Where an application is that needs no address of its own, because its whole network is its own. */
const ownLoopback = '127.0.0.1';

export function captureOf({ metadata }: PodObject): Capture {
  return metadata.annotations?.[captureKey] ?? 'transparent';
}

export function applicationAddressOf({ metadata }: PodObject): string {
  return metadata.annotations?.[applicationKey] ?? ownLoopback;
}

/** By destination, as declared; see `explicit-address.ts`. */
export function declaredOutbound(pod: PodObject): ReadonlyMap<string, string> {
  return new Map(outboundEntries(pod));
}

/** What one pod alone can say wrong. */
export function captureFindings(pod: PodObject): Finding[] {
  const annotations = pod.metadata.annotations ?? {};
  if (captureOf(pod) === 'transparent') {
    return ([applicationKey, outboundKey] as const)
      .filter((key) => annotations[key] !== undefined)
      .map((key) =>
        bad(
          `${annotationsPath}.${key}`,
          `${quote(key)} says something of a sidecar without interception, and this pod has not asked for one`,
          `write ${quote(`${captureKey}: explicit`)} beside it, or remove it`,
        ),
      );
  }
  return [...applicationFindings(pod), ...outboundFindings(pod)];
}

function applicationFindings({ metadata, status }: PodObject): Finding[] {
  const address = metadata.annotations?.[applicationKey];
  const advice = `write ${quote(`${applicationKey}: 127.0.5.1`)} with an address that no other workload uses`;
  if (address === undefined) {
    const message = 'without interception the sidecar must be told where the application listens';
    return [{ code: 'missing-field', severity: 'error', path: annotationsPath, message, advice }];
  }
  if (loopbackIp(address) === undefined) {
    return [
      bad(
        applicationPath,
        `${quote(address)} is not on loopback, so others could reach the application past its sidecar`,
        advice,
      ),
    ];
  }
  if ((status?.podIPs ?? []).every(({ ip }) => ip !== address)) return [];
  return [bad(applicationPath, `${quote(address)} is where the sidecar itself listens for callers`, advice)];
}

function outboundFindings(pod: PodObject): Finding[] {
  const entries = outboundEntries(pod);
  return entries.flatMap(([destination, address], index) => {
    if (loopbackIp(address) === undefined) {
      return [
        bad(
          outboundPath,
          `${quote(address)} is not on loopback, so other machines could call as this workload`,
          'write an address in 127.0.0.0/8',
        ),
      ];
    }
    const twice = entries.findIndex((other) => other[0] === destination || other[1] === address) < index;
    return twice
      ? [bad(outboundPath, `${quote(destination)} or ${quote(address)} is written twice`, 'write each of them once')]
      : [];
  });
}

function outboundEntries({ metadata }: PodObject): readonly (readonly [destination: string, address: string])[] {
  const text = metadata.annotations?.[outboundKey] ?? '';
  return text.split(',').flatMap((entry) => {
    const [destination = '', address = ''] = entry.trim().split('=');
    return destination === '' ? [] : [[destination, address] as const];
  });
}

function bad(path: string, message: string, advice: string): Finding {
  return { code: 'bad-value', severity: 'error', path, message, advice };
}
