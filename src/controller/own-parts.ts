/**
 * What is one proxy's alone: the routes that name its workload, and its program.
 *
 *   class ──what its members share, made once──▶ a maker ──workload──▶ OwnParts
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import type { EnvoyResource } from '../envoy/resource.ts';
import { ownInboundRoutes } from '../envoy/route.ts';
import { programOf, programTypeUrl } from '../policy/program.ts';
import { memberView, type ViewClass } from '../policy/view-classes.ts';
import type { Resource } from '../xds/resource.ts';
import type { Encoder } from './encoder.ts';

export interface OwnParts {
  readonly routes: readonly Resource[];
  readonly program: Resource;
}

/**
 * @returns for a member's key; what is equal to what it had before is the very same value.
 * @throws what a builder throws.
 */
export function ownPartsOf(one: ViewClass, encoder: Encoder): OwnPartsMaker {
  const routesOf = ownInboundRoutes(one.view.inbound);
  const programFor = programsOf(one);
  return (workload, former) => ({
    routes: routesOf(workload).map((route, index) => encoder.encodeOwn(route, former?.routes[index])),
    program: encoder.encodeOwn(programFor(workload), former?.program),
  });
}

export type OwnPartsMaker = (workload: string, former?: OwnParts) => OwnParts;

/**
 * Programs of one class differ in one field, which says whose they are. Encodings of a message may be joined, so the
 * rest is encoded once; it is the first field, so the bytes are those of the whole.
 */
function programsOf(one: ViewClass): (workload: string) => EnvoyResource {
  const [first] = one.members;
  if (first === undefined) throw new Error(`the class \`${one.key}\` has no member`);
  const rest = toBinary(PolicyProgramSchema, { ...programOf(memberView(one, first)), workload: '' });
  return (workload) => {
    const named = toBinary(PolicyProgramSchema, create(PolicyProgramSchema, { workload }));
    const any = create(AnySchema, { typeUrl: programTypeUrl, value: Buffer.concat([named, rest]) });
    return { typeUrl: programTypeUrl, name: workload, any };
  };
}
