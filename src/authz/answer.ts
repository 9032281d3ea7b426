/**
 * The three things Envoy is ever told, and nothing else can be said.
 *
 *   allow        OK, response header x-coffre-decision, dynamic metadata {verdict: "allow", …facts}
 *   deny         PERMISSION_DENIED, 403, the same header, body {"decision": id} and perhaps {"reason": text}, {verdict: "deny", …facts}
 *   unavailable  no answer but the gRPC error UNAVAILABLE (see authz-service.io.ts)
 *
 * The verdict is what the seal in Envoy looks for; the facts beside it are for the proxy's record. An answer can change no request: it holds no header for the
 * upstream, none to remove, no query parameter; and its only variable header value is an id of letters and digits.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { HeaderValueOption_HeaderAppendAction } from '#gen/envoy/config/core/v3/base_pb.js';
import { CheckResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { StatusCode } from '#gen/envoy/type/v3/http_status_pb.js';
import { type AnswerFacts, encodeFacts } from './answer-facts.ts';
import { AnswerForms } from './answer-forms.ts';
import { publicTextLengthMax } from './limits.ts';

const decisionHeader = 'x-coffre-decision';

/** google.rpc.Code */
const rpcOk = 0;
const rpcPermissionDenied = 7;

const allowForms = new AnswerForms();
const denyForms = new AnswerForms();
/** Of requests that were not read: no revision judged them. */
const bareForms = new AnswerForms();

/** @param id a decision id: checked, see decision-id.ts */
export function allowAnswer(id: string, facts?: AnswerFacts): Buffer {
  if (facts === undefined) return bareForms.fill(id, '', 'allow', encodeAllow);
  const { revision, rule } = facts;
  return allowForms.fill(id, revision, rule ?? '', (any) => withFacts(encodeAllow(any), facts));
}

/** @param publicText for a caller who is entitled to know; cut where it is longer than a body should be. */
export function denyAnswer(id: string, facts?: AnswerFacts, publicText?: string): Buffer {
  const told = publicText?.slice(0, publicTextLengthMax);
  if (facts === undefined) return bareForms.fill(id, '', `deny ${told}`, (any) => encodeDeny(any, told));
  const { revision, reason, rule } = facts;
  return denyForms.fill(id, revision, `${reason}\n${rule}\n${told}`, (any) => withFacts(encodeDeny(any, told), facts));
}

function withFacts(answer: Uint8Array, facts: AnswerFacts): Buffer {
  return Buffer.concat([answer, encodeFacts(facts)]);
}

function encodeAllow(id: string): Uint8Array {
  return toBinary(
    CheckResponseSchema,
    create(CheckResponseSchema, {
      status: { code: rpcOk },
      httpResponse: { case: 'okResponse', value: { responseHeadersToAdd: [overwriting(decisionHeader, id)] } },
      dynamicMetadata: { verdict: 'allow' },
    }),
  );
}

function encodeDeny(id: string, reason: string | undefined): Uint8Array {
  return toBinary(
    CheckResponseSchema,
    create(CheckResponseSchema, {
      status: { code: rpcPermissionDenied },
      httpResponse: {
        case: 'deniedResponse',
        value: {
          status: { code: StatusCode.Forbidden },
          headers: [overwriting(decisionHeader, id), overwriting('content-type', 'application/json')],
          body: `${JSON.stringify({ decision: id, reason })}\n`,
        },
      },
      dynamicMetadata: { verdict: 'deny' },
    }),
  );
}

/** Overwrites, so that an application cannot put an id of its own beside ours. */
function overwriting(key: string, value: string) {
  return { header: { key, value }, appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD };
}
