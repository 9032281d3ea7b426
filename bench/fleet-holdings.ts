/**
 * Connects simulated proxies, and tells what they hold: for whoever is not in the network that they are in.
 *
 *   fleet-holdings.ts BINARY FLEET_FILE ADDRESS ──▶ one JSON line {"held": versions by type and name, of each}, again and again
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startFleet } from './fleet.ts';

/** Between two tellings, in ms. */
const tellMs = 250;

const [binary = '', file = '', address = ''] = process.argv.slice(2);
const fleet = await startFleet(file, address, binary);
await fleet.connect();
for (;;) {
  console.log(JSON.stringify({ held: await fleet.held() }));
  await sleep(tellMs);
}
