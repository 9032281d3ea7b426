/**
 * What is one proxy's alone: the routes that name its workload, and its program.
 *
 *   class ──what its members share, encoded once──▶ a maker ──workload──▶ OwnParts
 */
import { create } from '@bufbuild/protobuf';
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { resource } from '../envoy/resource.ts';
import { ownInboundRoutes } from '../envoy/route.ts';
import { programOf } from '../policy/program.ts';
import { memberView, type ViewClass } from '../policy/view-classes.ts';
import type { Resource } from '../xds/resource.ts';
import type { Encoder } from './encoder.ts';
import type { NamedResources } from './named-form.ts';

export interface OwnParts {
  readonly routes: readonly Resource[];
  readonly program: Resource;
}

/**
 * @returns for a member's key; what is equal to what it had before is the very same value.
 * @throws what a builder throws.
 */
export function ownPartsOf(one: ViewClass, encoder: Encoder): OwnPartsMaker {
  const routes = ownInboundRoutes(one.view.inbound).map((routeOf) => encoder.named(routeOf));
  const program = programsOf(one, encoder);
  return (workload, former) => ({
    routes: routes.map((routeOf, index) => kept(former?.routes[index], routeOf(workload))),
    program: kept(former?.program, program(workload)),
  });
}

export type OwnPartsMaker = (workload: string, former?: OwnParts) => OwnParts;

/** Programs of one class differ in one field, which says whose they are. */
function programsOf(one: ViewClass, encoder: Encoder): NamedResources {
  const [first] = one.members;
  if (first === undefined) throw new Error(`the class \`${one.key}\` has no member`);
  const program = programOf(memberView(one, first));
  return encoder.named((workload) =>
    resource(PolicyProgramSchema, workload, create(PolicyProgramSchema, { ...program, workload })),
  );
}

/** Nobody else has an equal one, so it is compared with its own former self. */
function kept(former: Resource | undefined, made: Resource): Resource {
  return former?.version === made.version ? former : made;
}
