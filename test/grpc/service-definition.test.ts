import { create, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { handleBidiStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import { expect, expectTypeOf, test } from 'vitest';
import {
  Authorization,
  type CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import { type ServiceHandlers, serviceDefinition } from '../../src/grpc/service-definition.ts';

const response = create(CheckResponseSchema, { status: { code: 7 } });
const bytes = toBinary(CheckResponseSchema, response);

test('paths and kinds of methods are those of the protobuf service', () => {
  const shapes = Object.entries({
    ...serviceDefinition(Authorization, {}),
    ...serviceDefinition(AggregatedDiscoveryService, {}),
  });
  expect(
    shapes.map(([name, { path, requestStream, responseStream }]) => [name, path, requestStream, responseStream]),
  ).toEqual([
    ['check', '/envoy.service.auth.v3.Authorization/Check', false, false],
    [
      'streamAggregatedResources',
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
      true,
      true,
    ],
    [
      'deltaAggregatedResources',
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      true,
      true,
    ],
  ]);
});

test('a decoded side is a message, a raw side the same bytes without a copy', () => {
  const decoded = serviceDefinition(Authorization, {})['check'];
  expect(decoded?.responseDeserialize(Buffer.from(bytes))).toEqual(response);
  expect(decoded?.responseSerialize(response)).toEqual(Buffer.from(bytes));
  const raw = serviceDefinition(Authorization, { check: { response: 'raw' } })['check'];
  expect(raw?.responseSerialize(bytes).buffer).toBe(bytes.buffer);
  expect(raw?.responseSerialize(bytes)).toEqual(Buffer.from(bytes));
});

test('handlers are typed by the form of each side', () => {
  type Check = ServiceHandlers<typeof Authorization, { check: { request: 'raw' } }>['check'];
  expectTypeOf<Check>().toEqualTypeOf<handleUnaryCall<Uint8Array, CheckResponse>>();
  type Plain = ServiceHandlers<typeof Authorization, Record<never, never>>['check'];
  expectTypeOf<Plain>().toEqualTypeOf<handleUnaryCall<MessageShape<typeof CheckRequestSchema>, CheckResponse>>();
  type Raw = { deltaAggregatedResources: { request: 'raw'; response: 'raw' } };
  type Delta = ServiceHandlers<typeof AggregatedDiscoveryService, Raw>['deltaAggregatedResources'];
  expectTypeOf<Delta>().toEqualTypeOf<handleBidiStreamingCall<Uint8Array, Uint8Array>>();
});
