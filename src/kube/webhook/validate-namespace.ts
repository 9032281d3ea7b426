/**
 * What a namespace says to us: nothing that a tenant could write takes it out of the mesh, so nothing may be written that
 * looks as if it did. Whose a namespace is says its `Tenant`, which no tenant writes.
 */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { quote } from '../../model/quote.ts';
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import { clusterProblem } from '../cluster-problem.ts';
import { ownPrefix } from '../inject/names.ts';

const texts = Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]));
const namespaces = Compile(Type.Object({ metadata: Type.Object({ labels: texts, annotations: texts }) }));

export function validateNamespace({ name = '', object, oldObject }: AdmissionRequest): Verdict {
  const ref = { kind: 'Namespace', namespace: '', name };
  const said = statementsOf(object);
  const before = statementsOf(oldObject);
  const problems = [...said]
    .filter(([path, value]) => before.get(path) !== value)
    .map(([path]) =>
      clusterProblem(ref, {
        code: 'unknown-field',
        severity: 'error',
        path,
        message: `${quote(path)} of a namespace says nothing here: no label takes one out of the mesh, or into it`,
        advice:
          'remove it; whose the namespace is says a `Tenant` of its name, and who may be without a sidecar those who run the mesh',
      }),
    );
  return problems.length === 0 ? unchanged : { kind: 'refused', problems };
}

/** By path. */
function statementsOf(object: unknown): ReadonlyMap<string, string> {
  if (!namespaces.Check(object)) return new Map();
  return new Map(
    (['labels', 'annotations'] as const).flatMap((field) =>
      Object.entries(object.metadata[field] ?? {})
        .filter(([key]) => key.startsWith(ownPrefix))
        .map(([key, value]) => [`metadata.${field}.${key}`, value] as const),
    ),
  );
}
