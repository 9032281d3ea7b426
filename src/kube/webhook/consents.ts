/**
 * Who consented: the name by which the API server knows whoever wrote the spec of a consent, in an annotation beside it.
 *
 *   coffre.dev/approved-by   set by the mutating half from the caller, held by the validating half
 *
 * It stands beside the spec and not in it, because what is kept in a repository must not differ from what is in the cluster
 * by a name that only the cluster can know. Somebody who labels a consent did not consent: the name stays.
 */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { canonicalJson } from '../../model/canonical-json.ts';
import { quote } from '../../model/quote.ts';
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import { clusterProblem } from '../cluster-problem.ts';
import { approvedByAnnotation } from '../inject/names.ts';
import { jsonPatch } from '../json-patch.ts';
import { consentKinds } from './object-webhooks.ts';

const texts = Type.Record(Type.String(), Type.String());
const consent = Type.Object({
  metadata: Type.Object({ annotations: Type.Optional(Type.Union([texts, Type.Null()])) }),
  spec: Type.Unknown(),
});
type Consent = Type.Static<typeof consent>;
const consents = Compile(consent);

/** The mutating half. What cannot be read is left to the validating half. */
export function signConsent(request: AdmissionRequest): Verdict {
  const { object } = request;
  if (!consents.Check(object)) return unchanged;
  const { annotations } = object.metadata;
  const before = { metadata: annotations === undefined ? {} : { annotations } };
  const after = { metadata: { annotations: { ...annotations, [approvedByAnnotation]: approverOf(request, object) } } };
  return { kind: 'allowed', patch: jsonPatch(before, after) };
}

/** The validating half: no other webhook wrote a name into it. Of what is no consent it has nothing to say. */
export function judgeConsent(request: AdmissionRequest): Verdict {
  const { object, kind, namespace = '', name = '' } = request;
  if (!consentKinds.has(kind.kind)) return unchanged;
  const written = consents.Check(object) ? object : undefined;
  const approver = written && approverOf(request, written);
  if (approver !== undefined && written?.metadata.annotations?.[approvedByAnnotation] === approver) return unchanged;
  const problem = clusterProblem(
    { kind: kind.kind, namespace, name },
    {
      code: 'bad-value',
      severity: 'error',
      path: `metadata.annotations.${approvedByAnnotation}`,
      message: `${quote(approvedByAnnotation)} must name who wrote the spec, ${quote(approver ?? '')}, and was changed on its way`,
      advice: 'find the webhook that changes it after ours',
    },
  );
  return { kind: 'refused', problems: [problem] };
}

function approverOf({ oldObject, userInfo }: AdmissionRequest, { spec }: Consent): string {
  const former = consents.Check(oldObject) ? oldObject : undefined;
  const isSame = former !== undefined && canonicalJson(former.spec) === canonicalJson(spec);
  const signed = isSame ? former.metadata.annotations?.[approvedByAnnotation] : undefined;
  return signed ?? userInfo.username;
}
