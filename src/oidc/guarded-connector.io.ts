/**
 * Connections to providers, and to nothing inside that was not named for this one host: every address is looked at after the name was resolved, and the one
 * looked at is the one dialled, so a name that changes its mind between the two (DNS rebinding) gains nothing.
 *
 * One address inside among several outside refuses the name altogether: an honest provider has none.
 */

import type { LookupAddress } from 'node:dns';
import { lookup as resolveByDns } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { buildConnector } from 'undici';
import { addressGuard } from './public-address.ts';

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

const resolveAll = promisify(resolveByDns);
const systemResolve: Resolve = (host) => resolveAll(host, { all: true });

/** Longest a TCP and TLS handshake may take, in ms. */
const connectTimeoutMs = 3_000;

export interface Guarding {
  /** Names to addresses; the system's way unless told otherwise. */
  readonly resolve?: Resolve;
  /** Ranges inside, in CIDR notation, where whoever is dialled may be all the same; none unless told otherwise. */
  readonly within?: readonly string[];
}

export function guardedConnector({ resolve = systemResolve, within = [] }: Guarding = {}): buildConnector.connector {
  const mayBeDialled = addressGuard(within);
  const lookup: LookupFunction = (host, { all }, answer) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined || !addresses.every(({ address }) => mayBeDialled(address))) {
          answer(new Error('the host has an address that no provider may have'), '');
        } else if (all === true) answer(null, [...addresses]);
        else answer(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => answer(error, ''),
    );
  };
  const connect = buildConnector({
    ...{ lookup, timeout: connectTimeoutMs, minVersion: 'TLSv1.2', rejectUnauthorized: true },
    ...{ allowH2: false, maxCachedSessions: 0 },
  });
  return (options, callback) => {
    // An address (undici takes the brackets of IPv6 off) is not resolved, so the look-up above would never see it.
    if (isIP(options.hostname) !== 0 && !mayBeDialled(options.hostname)) {
      callback(new Error('the host is an address that no provider may have'), null);
      return;
    }
    connect(options, callback);
  };
}
