/**
 * What real Envoys said, replayed: first as it was, then with everything done to it that a network, a proxy in between
 * or a mischievous client can do. How it was recorded is said in recording.ts.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDeltaRequest, decodeSotwRequest } from '../../src/xds/request.ts';
import { withTtl } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { bytesOf, type Entry, type ProtocolName, recordingOf, snapshotIn } from './recording.ts';
import { resource } from './resources.ts';
import { type Said, TalkingClient, types } from './talking-client.ts';

/** What the client does or lives through, and how long after the one before. */
type Moment = { readonly afterMs: number } & (
  | { readonly kind: 'request'; readonly request: Request; readonly share: number }
  | (Entry & { readonly kind: 'snapshot' })
  | { readonly kind: 'opened' | 'closed' | 'heartbeat' | 'impatience' }
);

/** Fields of either protocol's request that are tampered with. */
type Request = Readonly<Record<string, never>> & {
  readonly responseNonce?: string;
  readonly resourceNames?: readonly string[];
  readonly resourceNamesSubscribe?: readonly string[];
  readonly resourceNamesUnsubscribe?: readonly string[];
};

function momentsOf(protocol: ProtocolName): readonly Moment[] {
  let beforeMs = 0;
  return recordingOf(protocol).flatMap((entry): readonly Moment[] => {
    if (entry.kind === 'pushed') return [];
    const afterMs = entry.ms - beforeMs;
    beforeMs = entry.ms;
    return entry.kind === 'request'
      ? [{ kind: 'request', request: entry.request as Request, share: 1, afterMs }]
      : [{ ...entry, afterMs }];
  });
}

/** `at` and `to` are taken as places in whatever there is. */
type Mutation =
  | { readonly kind: 'drop' | 'impatience'; readonly at: number }
  /** `splice`: what follows is what followed there, on this stream or another. */
  | { readonly kind: 'repeat' | 'swap' | 'splice'; readonly at: number; readonly to: number }
  | { readonly kind: 'truncate'; readonly at: number; readonly share: number }
  | { readonly kind: 'nonce'; readonly at: number; readonly nonce: string }
  | { readonly kind: 'names'; readonly at: number; readonly names: readonly string[] };

const place = fc.nat(200);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constantFrom('drop' as const, 'impatience' as const), at: place }),
  fc.record({ kind: fc.constantFrom('repeat' as const, 'swap' as const, 'splice' as const), at: place, to: place }),
  fc.record({ kind: fc.constant('truncate' as const), at: place, share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant('nonce' as const),
    at: place,
    nonce: fc.oneof(fc.nat(20).map(String), fc.constantFrom('', 'h12', 'h13', 'invented')),
  }),
  fc.record({
    kind: fc.constant('names' as const),
    at: place,
    names: fc.array(fc.constantFrom('x', 'y', 'z', 'one', 'two', 'other', 'layer', 'absent', '*'), { maxLength: 3 }),
  }),
);

function mutated(moments: readonly Moment[], each: Mutation): readonly Moment[] {
  const at = each.at % Math.max(1, moments.length);
  const here = moments[at];
  if (here === undefined) return moments;
  const before = moments.slice(0, at);
  const after = moments.slice(at + 1);
  switch (each.kind) {
    case 'drop':
      return [...before, ...after];
    case 'impatience':
      return [...before, here, { kind: 'impatience', afterMs: 0 }, ...after];
    case 'repeat':
      return moments.toSpliced(each.to % moments.length, 0, here);
    case 'swap': {
      const to = each.to % moments.length;
      return moments.with(at, moments[to] ?? here).with(to, here);
    }
    case 'splice':
      return [...before, ...moments.slice(each.to % moments.length)];
    case 'truncate':
      return here.kind === 'request' ? moments.with(at, { ...here, share: each.share }) : moments;
    case 'nonce':
      return tampered(moments, at, () => ({ responseNonce: each.nonce }));
    case 'names':
      return tampered(moments, at, ({ resourceNamesUnsubscribe }) =>
        resourceNamesUnsubscribe === undefined
          ? { resourceNames: each.names, resourceNamesSubscribe: each.names }
          : { resourceNamesUnsubscribe: each.names },
      );
  }
}

function tampered(moments: readonly Moment[], at: number, change: (request: Request) => object): readonly Moment[] {
  const here = moments[at];
  if (here?.kind !== 'request') return moments;
  return moments.with(at, { ...here, request: { ...here.request, ...change(here.request) } as Request });
}

/** Lives through all of it, as far as it can be read: what cannot be ends the stream, and the next one begins with what follows. */
function replay(protocol: ProtocolName, moments: readonly Moment[]): TalkingClient {
  const client = new TalkingClient(protocol);
  for (const moment of moments) {
    client.pass(moment.afterMs);
    switch (moment.kind) {
      case 'snapshot':
        client.replace(snapshotIn(moment.types));
        break;
      case 'request': {
        const said = read(protocol, moment);
        if (said === undefined) client.reconnect();
        else client.say(said);
        break;
      }
      case 'opened':
      case 'closed':
        client.reconnect();
        break;
      case 'heartbeat':
        // What wrote it down looked at the clock after the server had.
        client.beatInTime();
        break;
      case 'impatience':
        client.stopWaiting();
        break;
    }
  }
  return client;
}

function read(protocol: ProtocolName, { request, share }: Moment & { kind: 'request' }): Said | undefined {
  const { resourceNames, resourceNamesSubscribe, ...rest } = request;
  const names = protocol === 'sotw' ? { resourceNames } : { resourceNamesSubscribe };
  const whole = bytesOf(protocol, JSON.parse(JSON.stringify({ ...rest, ...names })));
  const bytes = whole.subarray(0, Math.round(whole.length * share));
  const none = { names: [], version: '', subscribe: [], unsubscribe: [], initialVersions: new Map() };
  const decoded = protocol === 'sotw' ? decodeSotwRequest(bytes) : decodeDeltaRequest(bytes);
  return decoded.kind === 'ok' ? { ...none, ...decoded.request } : undefined;
}

const names = ['x', 'y', 'one', 'two', 'layer'];
const last = new Map(
  types.map((typeUrl) => {
    const each = names.map((name) => resource(typeUrl, name, 'last'));
    const ttl = typeUrl === typeUrls.runtime ? 1_000 : undefined;
    return [typeUrl, new Map(each.map((one) => [one.name, ttl === undefined ? one : withTtl(one, ttl)]))];
  }),
);

describe.each(['sotw', 'delta'] as const)('%s', (protocol) => {
  const moments = momentsOf(protocol);

  test('the recording is of a start, changes, a refusal, heartbeats and returns', () => {
    const kinds = moments.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'opened')).toHaveLength(3);
    expect(kinds).toEqual(expect.arrayContaining(['snapshot', 'heartbeat', 'closed']));
    expect(JSON.stringify(moments)).toContain('errorDetail');
  });

  test('to what Envoy said, the answers are those that it was given', () => {
    const given = recordingOf(protocol).flatMap((entry) => {
      if (entry.kind !== 'pushed' && entry.kind !== 'heartbeat') return [];
      const { ms: _, kind: __, ...answer } = entry;
      return [answer];
    });
    const answers = replay(protocol, moments).heard.map(({ form, typeUrl, nonce, version, resources, removed }) =>
      form === 'heartbeat'
        ? { typeUrl, nonce, resources: resources.length }
        : { typeUrl, nonce, version, resources: resources.length, removed: removed.length },
    );
    expect(answers).toEqual(given);
  });

  test('to whatever is made of it, one response per type is outstanding, nothing refused returns, and the end is the truth', () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 12, size: 'max' }), (mutations) => {
        const client = replay(protocol, mutations.reduce(mutated, moments));
        client.replace({ revision: 'last', types: last });
        client.settle();
        for (const { type, holds, should } of client.view()) expect(holds, type).toEqual(should);
      }),
      { numRuns: 500 },
    );
  });
});
