/**
 * What the xDS server tells, as numbers.
 *
 *   pushed ──▶ outstanding (stream, type) ──acked──▶ propagation time
 *                                         ──nacked─▶ refusing, until the type is accepted or the stream ends
 *
 * Kept in memory: one outstanding push and one word for each stream and type, both gone with the stream.
 */
import { oneOf, otherValue } from './instrument.ts';
import { instruments, protocols, refusalStatuses, xdsTypes } from './instruments.ts';
import type { Meters } from './meters.ts';

/** The events of an xDS server, as far as they are looked at. */
export type SeenXdsEvent =
  | ({ readonly kind: 'stream-opened' | 'stream-closed' | 'write-stalled' } & SeenStream)
  | { readonly kind: 'refused'; readonly status: string }
  | ({
      readonly kind: 'pushed';
      readonly typeUrl: string;
      readonly nonce: string;
      readonly resources: number;
      readonly bytes: number;
    } & SeenStream)
  | ({ readonly kind: 'acked' | 'nacked'; readonly typeUrl: string; readonly nonce: string } & SeenStream)
  | {
      readonly kind:
        | ('heartbeat' | 'lapsed' | 'unsubscribed' | 'absent-asked')
        | ('recheck-failed' | 'stale-nonce' | 'too-many-types' | 'node-ignored');
    };

interface SeenStream {
  readonly stream: number;
  readonly protocol: (typeof protocols)[number];
}

type TypeLabel = (typeof xdsTypes)[number];

/** By the last word of the type URL. */
const typeLabels: Readonly<Record<string, TypeLabel>> = {
  Secret: 'secret',
  Cluster: 'cluster',
  ClusterLoadAssignment: 'endpoints',
  Listener: 'listener',
  RouteConfiguration: 'route',
  Runtime: 'runtime',
  TypedExtensionConfig: 'extension',
  PolicyProgram: 'program',
};

interface OpenStream {
  readonly protocol: SeenStream['protocol'];
  /** Newest push of each type that is not answered. */
  readonly outstanding: Map<string, { readonly nonce: string; readonly atMs: number }>;
  /** Types whose newest answer is a refusal. */
  readonly refusing: Set<string>;
}

/** @param monotonicMs from any moment, never backwards. */
export function telemetryOfXds(meters: Meters, monotonicMs: () => number): (event: SeenXdsEvent) => void {
  const opened = meters.count(instruments.xdsStreamsOpened);
  const refused = meters.count(instruments.xdsRefused);
  const pushes = meters.count(instruments.xdsPushes);
  const pushedResources = meters.count(instruments.xdsPushedResources);
  const pushedBytes = meters.count(instruments.xdsPushedBytes);
  const acks = meters.count(instruments.xdsAcks);
  const nacks = meters.count(instruments.xdsNacks);
  const stalls = meters.count(instruments.xdsStalls);
  const propagation = meters.measure(instruments.xdsPropagation);

  const streams = new Map<number, OpenStream>();
  const each = () => [...streams.values()];
  meters.read(instruments.xdsStreams, (tell) => {
    for (const protocol of protocols)
      tell(each().filter((stream) => stream.protocol === protocol).length, { protocol });
  });
  meters.read(instruments.xdsUnanswered, (tell) => {
    tell(
      each().reduce((sum, { outstanding }) => sum + outstanding.size, 0),
      {},
    );
  });
  meters.read(instruments.xdsRefusing, (tell) => {
    const refusing = each().flatMap((stream) => [...stream.refusing].map(typeLabelOf));
    for (const type of xdsTypes) tell(refusing.filter((label) => label === type).length, { type });
  });

  return (event) => {
    switch (event.kind) {
      case 'stream-opened':
        opened(1, { protocol: event.protocol });
        streams.set(event.stream, { protocol: event.protocol, outstanding: new Map(), refusing: new Set() });
        return;
      case 'stream-closed':
        streams.delete(event.stream);
        return;
      case 'refused':
        refused(1, { status: oneOf(refusalStatuses, event.status) });
        return;
      case 'write-stalled':
        stalls(1, {});
        return;
      case 'pushed': {
        const { typeUrl, nonce, resources, bytes } = event;
        const type = typeLabelOf(typeUrl);
        pushes(1, { type });
        pushedResources(resources, { type });
        pushedBytes(bytes, { type });
        streams.get(event.stream)?.outstanding.set(typeUrl, { nonce, atMs: monotonicMs() });
        return;
      }
      case 'acked':
      case 'nacked': {
        const { kind, typeUrl, nonce } = event;
        const type = typeLabelOf(typeUrl);
        const stream = streams.get(event.stream);
        const push = stream?.outstanding.get(typeUrl);
        if (push?.nonce === nonce) {
          stream?.outstanding.delete(typeUrl);
          if (kind === 'acked') propagation((monotonicMs() - push.atMs) / 1_000, { type });
        }
        if (kind === 'acked') {
          acks(1, { type });
          stream?.refusing.delete(typeUrl);
        } else {
          nacks(1, { type });
          stream?.refusing.add(typeUrl);
        }
      }
    }
  };
}

function typeLabelOf(typeUrl: string): TypeLabel {
  const word = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
  return (Object.hasOwn(typeLabels, word) ? typeLabels[word] : undefined) ?? otherValue;
}
