/** A mesh to prove over: what its proxies are told under a CA on paper, and a way to change one of these resources. */
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { configure } from '../../src/controller/configure.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { ProofMesh } from '../../src/proof/mesh-reading.ts';
import { PaperAuthority } from '../../src/proof/paper-authority.ts';
import type { Party } from '../../src/proof/prove.ts';
import { contentVersion, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { platform } from '../fixtures/configured.ts';
import { randomMesh, tenants } from '../fixtures/random-mesh.ts';

export function proofMesh(snapshot: Snapshot, nowMs = 0): ProofMesh {
  const paper = new PaperAuthority();
  const { proxies, failed } = configure(snapshot, paper, platform, nowMs);
  for (const { workload, cause } of failed) throw new Error(`\`${workload}\` could not be configured`, { cause });
  return { places: snapshot.workloads, resources: proxies, anchors: paper.anchors(), nowMs };
}

/** One resource of one proxy changed, as a fault in a builder or a foreign hand would. @throws where it is not there. */
export function withChanged<Desc extends DescMessage>(
  mesh: ProofMesh,
  workload: string,
  schema: Desc,
  name: string,
  change: (message: MessageShape<Desc>) => void,
): ProofMesh {
  const typeUrl = `type.googleapis.com/${schema.typeName}`;
  const told = mesh.resources.get(workload);
  const listing = told?.types.get(typeUrl);
  const resource = listing?.get(name);
  if (told === undefined || listing === undefined || resource === undefined) {
    throw new Error(`\`${workload}\` is told no \`${name}\``);
  }
  const message = anyUnpack(fromBinary(AnySchema, resource.any), schema) ?? create(schema);
  change(message);
  const any = toBinary(AnySchema, anyPack(schema, message));
  const changed = { ...resource, any, version: contentVersion(any) };
  const types: ResourceSnapshot['types'] = new Map([...told.types, [typeUrl, new Map([...listing, [name, changed]])]]);
  return { ...mesh, resources: new Map([...mesh.resources, [workload, { ...told, types }]]) };
}

export function party(...workloads: readonly string[]): Party {
  return { workloads: new Set(workloads) };
}

export function partyAt(workload: string, port: number): Party {
  return { workloads: new Set([workload]), ports: new Map([[workload, new Set([port])]]) };
}

/** Random meshes whose grants ask for little, where a mesh is walked many times over; see `agreement.test.ts` for the others. */
export const plainMesh = randomMesh(tenants, ['transparent'], []);
