/**
 * Control planes that know nothing of each other and were told the same in the end: whatever their histories were, their
 * versions are equal, so that a proxy which goes from one to another is sent nothing.
 */

import type { JsonValue } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { effectMs } from '../../src/controller/acceptance.ts';
import { listingVersion } from '../../src/xds/resource.ts';
import { at } from '../envoy/json.ts';
import type { TypeName } from '../fixtures/configured.ts';
import { documents } from '../fixtures/mesh-from.ts';
import { randomTestMs } from '../fixtures/random-mesh.ts';
import { noAdmin, pod, twoTenants } from '../fixtures/two-tenants.ts';
import { ControlPlane } from './control-plane.ts';
import { Sidecar } from './sidecar.ts';

const workloads = ['atelier/web', 'atelier/api', 'atelier/db', 'notaire/web', 'notaire/api'];

function patience(service: string, seconds: number): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: ${service}, namespace: atelier }
spec: { service: ${service}, timeouts: { connect: ${seconds}s } }
`;
}

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: reads }
`;

/** A workload whose proxy never comes. */
const absent = pod('atelier', 'web', '10.1.0.20').replace('name: web-1', 'name: web-2');

/** Every proxy refuses to wait for 9 s. */
const refused = patience('db', 9);
/** What an author may write, change and take away. */
const choices = [[noAdmin], [grant], [patience('api', 2), patience('api', 3)], [patience('web', 4)], [absent]];

const always = twoTenants.split('\n---\n');

/** One text of each choice, or none. */
function chosen(from: readonly (readonly string[])[]): fc.Arbitrary<readonly string[]> {
  const each = fc.tuple(...from.map((texts) => fc.option(fc.constantFrom(...texts), { nil: undefined })));
  return each.map((texts) => texts.filter((text) => text !== undefined));
}

/** The whole mesh, in any order. */
function ordered(texts: readonly string[]): fc.Arbitrary<string> {
  const all = [...always, ...texts];
  return fc.shuffledSubarray(all, { minLength: all.length }).map((each) => documents(...each));
}

const history = fc.array(chosen([...choices, [refused]]).chain(ordered), { maxLength: 4 });
/** The same objects in three orders. */
const ending = chosen(choices).chain((texts) => fc.tuple(ordered(texts), ordered(texts), ordered(texts)));

function noNineSeconds(type: TypeName, value: JsonValue): string | undefined {
  return type === 'cluster' && at(value, 'connect_timeout')[0] === '9s' ? 'nine seconds are too long' : undefined;
}

/** A control plane that lived through this, with its proxies. */
class Replica {
  readonly plane: ControlPlane;
  readonly sidecars = new Map<string, Sidecar>();

  private constructor(plane: ControlPlane) {
    this.plane = plane;
  }

  static async after(writes: readonly string[]): Promise<Replica> {
    const replica = new Replica(await ControlPlane.start());
    const [first = '', ...others] = writes;
    await replica.plane.write(first);
    for (const name of workloads) {
      const sidecar = await Sidecar.connect(replica.plane, `${name}-1`, accountOf(name));
      sidecar.refuses = noNineSeconds;
      replica.sidecars.set(name, sidecar);
    }
    for (const write of others) await replica.plane.write(write);
    // What waits for another proxy is handed over: callers are led to new doors, and doors they have left are shut.
    for (let handed = 0; handed < 2; handed += 1) await replica.plane.pass(effectMs);
    return replica;
  }

  /** By proxy and type: what SotW calls the version, and the version of every resource. */
  versions(): unknown {
    const { cache, snapshot } = this.plane.mesh;
    return [...(snapshot?.workloads.keys() ?? [])].sort().map((proxy) => {
      const types = [...(cache.get(proxy)?.types ?? [])].map(([typeUrl, listing]) => {
        const each = [...listing.values()].map(({ name, version }) => `${name} ${version}`).sort();
        return [typeUrl, listingVersion(listing), each];
      });
      return [proxy, types.sort()];
    });
  }

  async stop(): Promise<void> {
    for (const sidecar of this.sidecars.values()) sidecar.close();
    await this.plane.stop();
  }
}

function accountOf(workload: string): string {
  return workload.slice(workload.indexOf('/') + 1);
}

test('FLT-07 whatever they lived through, replicas that are told the same agree, and who changes between them is sent nothing', {
  timeout: randomTestMs,
}, async () => {
  await fc.assert(
    fc.asyncProperty(history, history, ending, async (one, other, [last, inOtherOrder, atBirth]) => {
      const replicas: Replica[] = [];
      try {
        const [first, second, born] = [
          await Replica.after([documents(...always), ...one, last]),
          await Replica.after([...other, inOtherOrder]),
          // What a restart is: nothing is remembered.
          await Replica.after([atBirth]),
        ];
        replicas.push(first, second, born);
        expect(second.versions()).toEqual(first.versions());
        expect(born.versions()).toEqual(first.versions());
        for (const [name, sidecar] of first.sidecars) {
          sidecar.moved();
          for (const { plane } of [second, born]) {
            const moved = await sidecar.moveTo(plane, `${name}-1`, accountOf(name));
            expect(moved.moved(), name).toEqual(['runtime drill']);
            moved.close();
          }
        }
      } finally {
        for (const each of replicas) await each.stop();
      }
    }),
    { numRuns: 8 },
  );
});
