/**
 * Why, for the proxy's own record: rule, reason and revision as dynamic metadata, which neither caller nor application sees.
 *
 *   facts ──encoded──▶ bytes of a CheckResponse that holds nothing else ──▶ appended to the answer
 *
 * Protobuf merges what follows into what came before, so an answer is its verdict and these bytes, one after the other.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { CheckResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { factLengthMax } from './limits.ts';

export interface AnswerFacts {
  /** Name of the rule that decided, where one did. */
  readonly rule?: string;
  /** A stable code, of a denial. */
  readonly reason?: string;
  readonly revision: string;
}

export function encodeFacts({ reason, revision, rule }: AnswerFacts): Uint8Array {
  const facts = Object.entries({ reason, revision, rule }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value.slice(0, factLengthMax)]],
  );
  return toBinary(CheckResponseSchema, create(CheckResponseSchema, { dynamicMetadata: Object.fromEntries(facts) }));
}
