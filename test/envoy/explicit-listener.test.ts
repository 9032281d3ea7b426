/** What no mesh under explicit capture ever does, however its authors collide: share a socket, or leave one open. */
import type { JsonValue } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configure } from '../../src/controller/configure.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { configured, decoded, platform } from '../fixtures/configured.ts';
import { fakeTrust } from '../fixtures/fake-trust.ts';
import { type MeshObject, momentsMs, randomMesh, randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';

interface Socket {
  readonly address: string;
  readonly port: number;
}

/** So few that they collide. */
const address = fc.integer({ min: 1, max: 12 }).map((last) => `127.9.0.${last}`);

test('no two listeners of the whole mesh share a socket, and none is an application’s', {
  timeout: randomTestMs,
}, () => {
  let sockets = 0;
  let collisions = 0;
  fc.assert(
    fc.property(explicitMesh(), fc.constantFrom(...momentsMs), (objects, nowMs) => {
      const snapshot = snapshotOf(objects);
      const bound = socketsOf(snapshot, nowMs);
      const names = bound.map((socket) => `${socket.address}:${socket.port}`);
      expect(new Set(names).size).toBe(names.length);
      const applications = [...snapshot.workloads.values()].map(({ applicationAddress }) => applicationAddress);
      expect(new Set(applications).size).toBe(applications.length);
      expect(bound.filter((socket) => applications.includes(socket.address))).toEqual([]);
      sockets += names.length;
      collisions += snapshot.problems.filter(({ code }) => code === 'address-conflict').length;
    }),
    { numRuns: 150 },
  );
  expect(sockets).toBeGreaterThan(0);
  expect(collisions).toBeGreaterThan(0);
});

test('every socket is bound, exclusive, and on loopback where the application dials', { timeout: randomTestMs }, () => {
  fc.assert(
    fc.property(explicitMesh(), (objects) => {
      const { proxies } = configure(
        snapshotOf(objects),
        fakeTrust,
        { ...platform, bypass: { kind: 'mark', mark: 1 } },
        0,
      );
      for (const proxy of proxies.values()) {
        for (const listener of decoded(proxy, 'listener').values()) {
          expect(listener).toMatchObject({ enable_reuse_port: false });
          expect(listener).not.toHaveProperty('bind_to_port');
          expect(listener).not.toHaveProperty('use_original_dst');
          expect(socketOf(listener).address).toMatch(/^127\./);
        }
        expect(JSON.stringify([...decoded(proxy, 'cluster').values()])).not.toContain('SO_MARK');
      }
    }),
    { numRuns: 60 },
  );
});

function explicitMesh(): fc.Arbitrary<readonly MeshObject[]> {
  const pod = fc.record({ own: address, application: address, declared: fc.option(address) });
  return fc.tuple(randomMesh(), fc.array(pod, { minLength: 9, maxLength: 9 })).map(([objects, pods]) => {
    let next = 0;
    return objects.map((object) => {
      if (object.kind === 'Mesh') return withRange(object);
      const choice = object.kind === 'Pod' ? pods[next++ % pods.length] : undefined;
      return choice === undefined ? object : explicit(object, choice);
    });
  });
}

/** 254 addresses for all. */
function withRange(mesh: MeshObject): MeshObject {
  return { ...mesh, spec: Object.assign({}, mesh['spec'], { explicit: { outboundRange: '127.9.0.0/24' } }) };
}

function explicit(
  pod: MeshObject,
  { own, application, declared }: { own: string; application: string; declared: string | null },
): MeshObject {
  const annotations = {
    'coffre.dev/capture': 'explicit',
    'coffre.dev/application-address': application,
    ...(declared === null ? {} : { 'coffre.dev/outbound-addresses': `aurore/amber=${declared}` }),
  };
  const status = Object.assign({}, pod['status'], { podIPs: [{ ip: own }] });
  return { ...pod, metadata: Object.assign({}, pod.metadata, { annotations }), status };
}

function socketsOf(snapshot: Snapshot, nowMs: number): readonly Socket[] {
  return [...configured(snapshot, nowMs).values()].flatMap((proxy) =>
    [...decoded(proxy, 'listener').values()].map(socketOf),
  );
}

function socketOf(listener: JsonValue): Socket {
  const { address: written } = listener as { address: { socket_address: { address: string; port_value: number } } };
  return { address: written.socket_address.address, port: written.socket_address.port_value };
}
