/**
 * `HTTPRoute` of Gateway API, as far as it is read: parents of kind Service.
 *
 * An API server lets through far more than is carried here, and a filter that is dropped in silence is a request that
 * goes out unfiltered. So unlike other kinds that are not ours nothing is skipped: what the schema does not know is an
 * error, and what it knows and is not carried is a field here that `route-rules.ts` refuses, with Gateway API's condition.
 */
import Type, { type TSchema } from 'typebox';
import { dnsLabel, gatewayMetadata, listOf, ourObject, ourStatus, portNumber, subdomain } from './fields.ts';

/** A list that is read to be refused. */
function unsupportedList(what: string) {
  return Type.Optional(Type.Array(Type.Unknown(), { description: `${what}; not carried.` }));
}

function unsupportedObject(what: string) {
  return Type.Optional(Type.Object({}, { description: `${what}; not carried.` }));
}

/** A list of Gateway API, which may be empty where its absence means the same. */
function gatewayList<Item extends TSchema>(item: Item, description: string, itemsMax: number) {
  return Type.Optional(Type.Array(item, { description, maxItems: itemsMax }));
}

const group = Type.Optional(
  Type.String({ description: 'API group; empty for a Service.', maxLength: 253, pattern: '^[a-z0-9.-]*$' }),
);

function kindName(description: string) {
  return Type.Optional(
    Type.String({
      description,
      examples: ['Service'],
      minLength: 1,
      maxLength: 63,
      pattern: '^[A-Za-z][A-Za-z0-9-]*$',
    }),
  );
}

const namespace = Type.Optional(dnsLabel('Namespace of the object referred to; absent means this one.', 'shop'));

const duration = Type.Optional(
  Type.String({
    description: 'A duration of Gateway API, up to 24h; `0s` means no limit.',
    examples: ['2s'],
    maxLength: 32,
    pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$',
  }),
);

const sectionName = Type.Optional(subdomain('Name of the port.', 'http'));

const parentRef = ourObject(
  {
    group,
    kind: kindName('Kind of the parent.'),
    namespace,
    name: subdomain('Name of the parent.', 'api'),
    port: Type.Optional(portNumber('Port of the Service; absent means every HTTP port.')),
    sectionName,
  },
  'The Service whose callers are routed.',
);

const path = ourObject(
  {
    type: Type.Optional(
      Type.Enum(['Exact', 'PathPrefix', 'RegularExpression'], {
        description:
          'How the path is compared: `Exact`, or `PathPrefix` by whole segments; `RegularExpression` is not carried.',
        examples: ['PathPrefix'],
      }),
    ),
    value: Type.Optional(
      Type.String({
        description: 'Path as callers send it, without query.',
        examples: ['/v2'],
        minLength: 1,
        maxLength: 1_024,
        pattern: '^/[^?#\\s]*$',
      }),
    ),
  },
  'Path of the request; absent means every path.',
);

const header = ourObject(
  {
    type: Type.Optional(
      Type.Enum(['Exact', 'RegularExpression'], {
        description: 'How the value is compared; `RegularExpression` is not carried.',
        examples: ['Exact'],
      }),
    ),
    name: Type.String({
      description: 'Name of the header, whatever its case.',
      examples: ['x-canary'],
      minLength: 1,
      maxLength: 256,
      pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    }),
    value: Type.String({ description: 'Value of the header.', examples: ['always'], minLength: 1, maxLength: 4_096 }),
  },
  'One header of the request.',
);

const match = ourObject(
  {
    path: Type.Optional(path),
    headers: gatewayList(header, 'Headers of the request, all of which must match.', 16),
    queryParams: unsupportedList('Query parameters'),
    method: Type.Optional(
      Type.Enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'], {
        description: 'Method of the request; absent means every method.',
        examples: ['GET'],
      }),
    ),
  },
  'What a request must be like, all that is named.',
);

const backendRef = ourObject(
  {
    group,
    kind: kindName('Kind of the backend.'),
    namespace,
    name: subdomain('Name of the backend.', 'api-v2'),
    port: Type.Optional(portNumber('Port of the Service.')),
    weight: Type.Optional(
      Type.Integer({
        description: 'Share of the requests, relative to the other backends of the rule; 1 by default, 0 for none.',
        examples: [90],
        minimum: 0,
        maximum: 1_000_000,
      }),
    ),
    filters: unsupportedList('Filters of one backend'),
  },
  'One backend.',
);

const rule = ourObject(
  {
    name: Type.Optional(subdomain('Name of the rule, for people.', 'canary')),
    matches: gatewayList(match, 'Requests the rule speaks of, any one suffices; absent means every request.', 64),
    filters: unsupportedList('Filters'),
    backendRefs: gatewayList(backendRef, 'Where the requests go; none means that they are answered 500.', 16),
    timeouts: Type.Optional(
      ourObject(
        { request: duration, backendRequest: duration },
        'How long the caller waits, altogether and for one try.',
      ),
    ),
    retry: unsupportedObject('Retries of one rule (write a `TrafficPolicy`)'),
    sessionPersistence: unsupportedObject('Session persistence'),
  },
  'One rule: these requests, these backends.',
);

export const httpRouteSchema = ourObject(
  {
    apiVersion: Type.Literal('gateway.networking.k8s.io/v1', { description: 'Version of this API.' }),
    kind: Type.Literal('HTTPRoute', { description: 'Kind of the object.' }),
    metadata: gatewayMetadata(),
    spec: ourObject(
      {
        parentRefs: listOf(parentRef, 'Services whose callers are routed.', 32),
        useDefaultGateways: Type.Optional(
          Type.String({ description: 'Default gateways; not carried.', maxLength: 63 }),
        ),
        hostnames: unsupportedList('Host names'),
        rules: listOf(rule, 'Rules; the one that says most about a request is heard.', 16),
      },
      'Whose callers are routed, and where to.',
    ),
    status: ourStatus,
  },
  'Routing of the callers of a Service.',
);

export type HttpRouteObject = Type.Static<typeof httpRouteSchema>;
export type HttpRouteRuleObject = Type.Static<typeof rule>;
export type HttpRouteMatchObject = Type.Static<typeof match>;
export type HttpRouteParentObject = Type.Static<typeof parentRef>;
export type HttpRouteBackendObject = Type.Static<typeof backendRef>;
