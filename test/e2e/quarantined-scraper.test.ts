/**
 * A scraper that is cut off keeps no open way to anybody's statistics, though others of its tenant still read them.
 *
 *   berthe, boris of bastion ──one connection each, kept open──▶ statistics of aurore's sidecar
 */
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure } from '../../src/controller/configure.ts';
import { sniOf } from '../../src/envoy/names.ts';
import { statisticsPort } from '../../src/model/ports.ts';
import { standingAt } from '../../src/model/quarantine.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { platform } from '../fixtures/configured.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { spiffeId } from '../fixtures/random-mesh.ts';
import { quarantined } from '../fixtures/random-quarantines.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { Callers } from './differential/callers.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';

const open = meshFrom(
  documents(
    `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: ${trustDomain}
  telemetry: { scrapers: [{ namespace: bastion, serviceAccount: berthe }, { namespace: bastion, serviceAccount: boris }] }
`,
    tenant('aurore'),
    tenant('bastion'),
    pod('aurore', 'adele', '10.1.0.1'),
    service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
  ),
);
const quarantines = standingAt([quarantined('bastion', 'berthe', Number.MAX_SAFE_INTEGER)], 0);
const withoutBerthe: Snapshot = { ...open, quarantines };

inLab('a scraper under quarantine', () => {
  let callers: Callers;
  let sidecar: OneSidecar;
  beforeAll(async () => {
    callers = await Callers.issue();
    sidecar = await OneSidecar.start();
    await sidecar.publish(configuredBy(open));
  }, 60_000);
  afterAll(async () => {
    await sidecar?.stop();
    callers?.forget();
  });

  function configuredBy(snapshot: Snapshot): ResourceSnapshot {
    const configured = configure(snapshot, callers.trust, { ...platform, bypass }, 0).proxies.get('aurore/adele-1');
    if (configured === undefined) throw new Error('the sidecar was not configured');
    return configured;
  }

  const dial = (account: string) =>
    sidecar.dialTls(statisticsPort, callers.of(spiffeId('bastion', account)), {
      servername: sniOf('bastion'),
      ALPNProtocols: ['http/1.1'],
    });

  test('what it has open ends, nothing new is let in, and another of its tenant reads on', async () => {
    const kept = await dial('berthe');
    expect(await scrape(kept)).toBe('200');
    const ended = once(kept, 'close');
    await sidecar.publish(configuredBy(withoutBerthe));
    await ended;
    expect(await scrape(await dial('berthe'))).not.toBe('200');
    expect(await scrape(await dial('boris'))).toBe('200');
  });
});

/** @returns the status, once the whole answer is there; '' where the connection ends instead. */
async function scrape(socket: TLSSocket): Promise<string> {
  const text: string[] = [];
  // TLS 1.3 tells a client that it is not believed when it first reads: an error, or an end.
  const over = new Promise<void>((done) => socket.once('error', () => done()).once('close', () => done()));
  const answered = new Promise<void>((done) =>
    socket.on('data', (part) => {
      text.push(part.toString('latin1'));
      if (part.toString('latin1').endsWith('0\r\n\r\n')) done();
    }),
  );
  socket.write('GET /stats/prometheus HTTP/1.1\r\nHost: statistics\r\n\r\n');
  await Promise.race([over, answered]);
  return /^HTTP\/1.1 (\d+)/.exec(text.join(''))?.[1] ?? '';
}
