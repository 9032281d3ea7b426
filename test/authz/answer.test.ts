import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeaderValueOption_HeaderAppendAction } from '#gen/envoy/config/core/v3/base_pb.js';
import { type CheckResponse, CheckResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { allowAnswer, denyAnswer } from '../../src/authz/answer.ts';

const idCharacters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-'];
const ids = fc.string({ unit: fc.constantFrom(...idCharacters), minLength: 1, maxLength: 64 });

test('an allow says OK, the mark of the seal and the id, and nothing else', () => {
  fc.assert(
    fc.property(ids, (id) => {
      const { status, httpResponse, dynamicMetadata } = decode(allowAnswer(id));
      expect(status?.code).toBe(0);
      expect(dynamicMetadata).toEqual({ verdict: 'allow' });
      if (httpResponse.case !== 'okResponse') throw new Error(`answer is ${httpResponse.case}`);
      const { responseHeadersToAdd, $typeName, ...mutations } = httpResponse.value;
      expect(responseHeadersToAdd.map(spelled)).toEqual([['x-coffre-decision', id]]);
      expect(mutations).toEqual({
        headers: [],
        headersToRemove: [],
        queryParametersToSet: [],
        queryParametersToRemove: [],
      });
    }),
  );
});

test('a deny says 403 and the id, in header and body', () => {
  fc.assert(
    fc.property(ids, (id) => {
      const { status, denied } = deniedOf(denyAnswer(id));
      expect(status).toBe(7);
      expect(denied.status?.code).toBe(403);
      expect(denied.headers.map(spelled)).toEqual([
        ['x-coffre-decision', id],
        ['content-type', 'application/json'],
      ]);
      expect(JSON.parse(denied.body)).toEqual({ decision: id });
    }),
  );
});

test('whatever the reason says, it stays inside the body', () => {
  fc.assert(
    fc.property(ids, fc.string({ unit: 'binary', maxLength: 2_000 }), (id, reason) => {
      const { denied } = deniedOf(denyAnswer(id, undefined, `"}\r\n\ud800${reason}`));
      expect(denied.headers.map(spelled)).toEqual([
        ['x-coffre-decision', id],
        ['content-type', 'application/json'],
      ]);
      expect(JSON.parse(denied.body)).toEqual({ decision: id, reason: `"}\r\n\ud800${reason}`.slice(0, 1_024) });
    }),
  );
});

test('no deny carries the mark of the seal, whatever its facts say', () => {
  const facts = { reason: 'allow', rule: 'allow', revision: 'verdict' };
  expect(decode(denyAnswer('7')).dynamicMetadata).toEqual({ verdict: 'deny' });
  expect(decode(denyAnswer('7', facts)).dynamicMetadata).toEqual({ verdict: 'deny', ...facts });
  expect(decode(denyAnswer('7', facts, 'no')).dynamicMetadata).toEqual({ verdict: 'deny', ...facts });
});

test('facts change nothing of an answer but the metadata, and are cut where they are long', () => {
  fc.assert(
    fc.property(ids, fc.string({ maxLength: 600 }), fc.string(), (id, rule, revision) => {
      const { dynamicMetadata, ...rest } = decode(allowAnswer(id, { rule, revision }));
      expect(dynamicMetadata).toEqual({ verdict: 'allow', rule: rule.slice(0, 512), revision });
      const { dynamicMetadata: bare, ...same } = decode(allowAnswer(id));
      expect(bare).toEqual({ verdict: 'allow' });
      expect(rest).toEqual(same);
    }),
  );
});

test('more different facts than are kept are answered all the same', () => {
  for (let asked = 0; asked < 5_000; asked += 1) {
    const facts = { reason: 'deny-rule', rule: `rule ${asked}`, revision: 'one' };
    expect(decode(denyAnswer('7', facts)).dynamicMetadata).toEqual({ verdict: 'deny', ...facts });
  }
});

test('answers differ wherever rule, reason, revision or what the caller may know does', () => {
  const rules = [undefined, 'a', 'b'];
  for (const revision of ['one', 'two', 'one']) {
    for (const rule of rules) {
      const facts = { revision, ...(rule === undefined ? {} : { rule }) };
      expect(decode(allowAnswer('7', facts)).dynamicMetadata).toEqual({ verdict: 'allow', ...facts });
      for (const text of rules) {
        const { denied } = deniedOf(denyAnswer('7', facts, text));
        expect(JSON.parse(denied.body)).toEqual({ decision: '7', ...(text === undefined ? {} : { reason: text }) });
      }
    }
  }
});

test('an id longer than an id can be is refused rather than cut', () => {
  expect(() => allowAnswer('a'.repeat(65))).toThrow(RangeError);
});

function decode(bytes: Uint8Array): CheckResponse {
  return fromBinary(CheckResponseSchema, bytes);
}

function deniedOf(bytes: Uint8Array) {
  const { status, httpResponse } = decode(bytes);
  if (httpResponse.case !== 'deniedResponse') throw new Error(`answer is ${httpResponse.case}`);
  return { status: status?.code, denied: httpResponse.value };
}

type Option = ReturnType<typeof deniedOf>['denied']['headers'][number];

function spelled({ header, appendAction }: Option): [string | undefined, string | undefined] {
  expect(appendAction).toBe(HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD);
  return [header?.key, header?.value];
}
