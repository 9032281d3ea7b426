/**
 * An AdmissionReview (admission.k8s.io/v1) as it came, and as it goes back.
 *
 *   JSON ──readReview──▶ uid, request | why it cannot be read        uid, verdict ──answerOf──▶ AdmissionReview
 *
 * What is in `object` is not looked at here: each judge reads it by a schema of its own. No answer is made of what came but
 * the `uid`.
 */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { formatProblem } from '../../model/format-problem.ts';
import { quote } from '../../model/quote.ts';
import type { AdmissionRequest, Verdict } from '../admission.ts';

/** An API server's are 36 characters. */
const uidLengthMax = 128;
/** Most problems of one refusal that are told, in the order in which they were found: whoever mended them sees the rest. */
const toldMax = 16;

const text = Type.Optional(Type.String());

const identity = Type.Object({ uid: Type.String({ minLength: 1, maxLength: uidLengthMax }) });

const review = Type.Object({
  apiVersion: Type.Literal('admission.k8s.io/v1'),
  kind: Type.Literal('AdmissionReview'),
  request: Type.Object({
    ...identity.properties,
    operation: Type.Enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    kind: Type.Object({ kind: Type.String() }),
    namespace: text,
    name: text,
    subResource: text,
    userInfo: Type.Object({ username: Type.String({ minLength: 1 }) }),
    object: Type.Optional(Type.Unknown()),
    oldObject: Type.Optional(Type.Unknown()),
  }),
});

const reviews = Compile(review);
const identities = Compile(Type.Object({ request: identity }));

export type ReadReview =
  | { readonly kind: 'review'; readonly uid: string; readonly request: AdmissionRequest }
  /** Without a `uid` nobody could be answered. */
  | { readonly kind: 'unreadable'; readonly uid?: string; readonly reason: string };

/** @param body parsed, of any shape. Never throws. */
export function readReview(body: unknown): ReadReview {
  if (reviews.Check(body)) {
    const { uid, ...request } = body.request;
    return { kind: 'review', uid, request };
  }
  const [first] = reviews.Errors(body);
  const path = first?.instancePath.slice(1).replaceAll('/', '.') ?? '';
  const where =
    path === '' ? 'no AdmissionReview was sent' : `no AdmissionReview that is understood, at ${quote(path)}`;
  const reason = `${where}; register these webhooks with \`admissionReviewVersions: [v1]\`, as Coffre does`;
  return { kind: 'unreadable', reason, ...(identities.Check(body) ? { uid: body.request.uid } : {}) };
}

/** A Forbidden, as an API server would say it. */
export function refusalOf(uid: string, message: string): object {
  return envelope({ uid, allowed: false, status: { code: 403, reason: 'Forbidden', message } });
}

/** Not now: whoever asked may come again. */
export function notReadyAnswer(uid: string, message: string): object {
  return envelope({ uid, allowed: false, status: { code: 503, reason: 'ServiceUnavailable', message } });
}

export function answerOf(uid: string, verdict: Verdict): object {
  if (verdict.kind === 'refused') {
    const told = verdict.problems.slice(0, toldMax).map(formatProblem);
    const more = verdict.problems.length - told.length;
    return refusalOf(uid, [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'));
  }
  const warnings = (verdict.warnings ?? []).slice(0, toldMax).map(formatProblem);
  return envelope({
    uid,
    allowed: true,
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(verdict.patch.length === 0
      ? {}
      : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(verdict.patch)).toString('base64') }),
  });
}

function envelope(response: object): object {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}
