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
import { answerTemplate } from './answer-template.ts';
import { idLengthMax, publicTextLengthMax } from './limits.ts';

const decisionHeader = 'x-coffre-decision';

/** google.rpc.Code */
const rpcOk = 0;
const rpcPermissionDenied = 7;

const allowTemplate = answerTemplate(idLengthMax, (id) =>
  toBinary(
    CheckResponseSchema,
    create(CheckResponseSchema, {
      status: { code: rpcOk },
      httpResponse: { case: 'okResponse', value: { responseHeadersToAdd: [overwriting(decisionHeader, id)] } },
      dynamicMetadata: { verdict: 'allow' },
    }),
  ),
);
const denyTemplate = answerTemplate(idLengthMax, (id) => encodeDeny(id, { decision: id }));

/** @param id a decision id: checked, see decision-id.ts */
export function allowAnswer(id: string, facts?: AnswerFacts): Buffer {
  return withFacts(allowTemplate.fill(id), facts);
}

/** @param publicText for a caller who is entitled to know; cut where it is longer than a body should be. */
export function denyAnswer(id: string, facts?: AnswerFacts, publicText?: string): Buffer {
  if (publicText === undefined) return withFacts(denyTemplate.fill(id), facts);
  const body = { decision: id, reason: publicText.slice(0, publicTextLengthMax) };
  return withFacts(Buffer.from(encodeDeny(id, body)), facts);
}

function withFacts(answer: Buffer, facts: AnswerFacts | undefined): Buffer {
  return facts === undefined ? answer : Buffer.concat([answer, encodeFacts(facts)]);
}

function encodeDeny(id: string, body: { readonly decision: string; readonly reason?: string }): Uint8Array {
  return toBinary(
    CheckResponseSchema,
    create(CheckResponseSchema, {
      status: { code: rpcPermissionDenied },
      httpResponse: {
        case: 'deniedResponse',
        value: {
          status: { code: StatusCode.Forbidden },
          headers: [overwriting(decisionHeader, id), overwriting('content-type', 'application/json')],
          body: `${JSON.stringify(body)}\n`,
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
