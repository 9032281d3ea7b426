/**
 * SEC-12, SEC-14 and SEC-17: what a server with a worker's certificate may answer, and what the caller gets for it.
 * Nothing of it may reach the application, as it was asked for or changed.
 */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { HeaderValueOption_HeaderAppendAction as Append } from '#gen/envoy/config/core/v3/base_pb.js';
import { CheckResponseSchema, type OkHttpResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { allowAnswer } from '../../../src/authz/answer.ts';
import type { Lie } from '../../authz/support/lying-authz.ts';

type Answer = MessageInitShape<typeof CheckResponseSchema>;

const verdict = { verdict: 'allow' };

function message(answer: Answer): Lie {
  return { kind: 'message', bytes: toBinary(CheckResponseSchema, create(CheckResponseSchema, answer)) };
}

/** An allow that is one in everything else. */
function allowing(value: MessageInitShape<typeof OkHttpResponseSchema>): Lie {
  return message({ status: { code: 0 }, httpResponse: { case: 'okResponse', value }, dynamicMetadata: verdict });
}

const setting = (key: string, value: string, appendAction: Append = Append.OVERWRITE_IF_EXISTS_OR_ADD) =>
  allowing({ headers: [{ header: { key, value }, appendAction }] });

export const truth: Lie = { kind: 'message', bytes: allowAnswer('7') };

export const lies: readonly (readonly [what: string, lie: Lie, status: string])[] = [
  ['SEC-12 an allow that sets the path', setting(':path', '/admin'), '500'],
  ['SEC-12 an allow that sets the host', setting(':authority', 'closed.example'), '500'],
  ['SEC-12 an allow that sets the host by its old name', setting('host', 'closed.example'), '500'],
  ['SEC-12 an allow that sets the method', setting(':method', 'DELETE'), '500'],
  ['SEC-12 an allow that sets the scheme', setting(':scheme', 'http'), '500'],
  ['SEC-12 an allow that adds x-envoy-retry-on', setting('x-envoy-retry-on', '5xx'), '500'],
  ['SEC-12 an allow that sets the identity', setting('x-forwarded-client-cert', 'URI=root'), '500'],
  [
    'SEC-12 an allow that appends to the identity',
    setting('x-forwarded-client-cert', 'URI=root', Append.APPEND_IF_EXISTS_OR_ADD),
    '500',
  ],
  ['SEC-12 an allow that chooses the request id', setting('x-request-id', 'chosen'), '500'],
  ['SEC-12 an allow that adds a header', setting('x-role', 'admin'), '500'],
  ['SEC-12 an allow that breaks a line', setting('x-role', 'a\r\nx-role: admin'), '500'],
  ['SEC-12 an allow that breaks a name', setting('x-role: admin\r\nx-other', 'a'), '500'],
  ['SEC-12 an allow that removes the authorization', allowing({ headersToRemove: ['authorization'] }), '500'],
  ['SEC-12 an allow that removes the identity', allowing({ headersToRemove: ['x-forwarded-client-cert'] }), '500'],
  ['SEC-14 an empty message', message({}), '403'],
  ['SEC-14 OK with nothing else', message({ status: { code: 0 } }), '403'],
  [
    'SEC-14 OK with an empty body',
    message({ status: { code: 0 }, httpResponse: { case: 'okResponse', value: {} } }),
    '403',
  ],
  [
    'SEC-14 OK with a denied_response',
    message({ status: { code: 0 }, httpResponse: { case: 'deniedResponse', value: {} } }),
    '403',
  ],
  ['SEC-14 OK with another verdict', message({ status: { code: 0 }, dynamicMetadata: { verdict: 'deny' } }), '403'],
  [
    'SEC-14 OK with a verdict that is no text',
    message({ status: { code: 0 }, dynamicMetadata: { verdict: true } }),
    '403',
  ],
  [
    'SEC-14 OK with a verdict in capitals',
    message({ status: { code: 0 }, dynamicMetadata: { verdict: 'ALLOW' } }),
    '403',
  ],
  ['SEC-14 bytes that are no protobuf', { kind: 'message', bytes: Buffer.alloc(40, 0xff) }, '503'],
  ['SEC-14 an allow that lacks its last byte', { kind: 'message', bytes: allowAnswer('7').subarray(0, -1) }, '503'],
  ['SEC-14 an allow in a frame that says more', { kind: 'cut-frame', bytes: allowAnswer('7') }, '503'],
  ['SEC-14 gRPC status 0 and no message', { kind: 'status', code: 0 }, '503'],
  ['SEC-14 gRPC status DEADLINE_EXCEEDED', { kind: 'status', code: 4 }, '503'],
  ['SEC-14 gRPC status PERMISSION_DENIED', { kind: 'status', code: 7 }, '503'],
  ['SEC-14 gRPC status UNAVAILABLE', { kind: 'status', code: 14 }, '503'],
  ['SEC-14 HTTP status 200 and no more', { kind: 'http-status', code: 200 }, '503'],
  ['SEC-14 HTTP status 500', { kind: 'http-status', code: 500 }, '503'],
  ['SEC-14 nothing in time', { kind: 'silence' }, '503'],
  ['SEC-14 a reset of the stream', { kind: 'reset-stream' }, '503'],
  ['SEC-14 a reset of the connection', { kind: 'reset-connection' }, '503'],
];

/** The one thing that such a server can change: no rule of Envoy's speaks of the query, and no rule of ours reads it. */
export const queries: readonly (readonly [what: string, lie: Lie, arrives: string])[] = [
  ['adds to', allowing({ queryParametersToSet: [{ key: 'role', value: 'admin' }] }), '/ok?q=1&role=admin'],
  ['takes from', allowing({ queryParametersToRemove: ['q'] }), '/ok'],
];

/** A denial is one whatever else it says, also to a filter that believes everything: no configuration could show them failing. */
export const denials: readonly (readonly [what: string, lie: Lie])[] = [
  ['SEC-14 a denial with the verdict of an allow', message({ status: { code: 7 }, dynamicMetadata: verdict })],
  ['SEC-14 a code that does not exist, with that verdict', message({ status: { code: 99 }, dynamicMetadata: verdict })],
];
