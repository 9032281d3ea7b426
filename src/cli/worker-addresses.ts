/**
 * Where the authorization workers of one machine listen: on consecutive ports, from the first worker's.
 *
 *   127.0.0.1:15016, 3 workers ──▶ 127.0.0.1:15016, 127.0.0.1:15017, 127.0.0.1:15018
 */
import { CliFailure } from './cli-failure.ts';
import { parseEndpoint } from './door-options.ts';
import { exitCode } from './exit-code.ts';

/** Two, so that one answers while the other is replaced, whatever the number of processors. */
export const workersDefault = 2;

/** Each sidecar keeps a connection to each worker, and each worker keeps every policy: more machines serve better than more workers. */
export const workersMax = 16;

const portMax = 65_535;

/**
 * @param first `ADDRESS:PORT`.
 * @param others where something else listens, and what that is.
 * @throws CliFailure where there is no such number of free addresses.
 */
export function workerAddresses(first: string, count: number, others: ReadonlyMap<string, string>): readonly string[] {
  if (!Number.isInteger(count) || count < 1 || count > workersMax) {
    throw misuse(`\`${count}\` is no number of workers`, `write a number from 1 to ${workersMax}`);
  }
  const { address, port } = parseEndpoint(first);
  if (port + count - 1 > portMax) {
    throw misuse(`${count} workers from port ${port} on would need ports beyond ${portMax}`, 'name a lower --authz');
  }
  const host = address.includes(':') ? `[${address}]` : address;
  const addresses = Array.from({ length: count }, (_, index) => `${host}:${port + index}`);
  const taken = addresses.find((each) => others.has(each));
  if (taken !== undefined) {
    throw misuse(
      `${count} workers from \`${first}\` on would need \`${taken}\`, which is for ${others.get(taken)}`,
      'name another --authz, or fewer --workers',
    );
  }
  return addresses;
}

function misuse(message: string, advice: string): CliFailure {
  return new CliFailure(exitCode.misuse, message, advice);
}
