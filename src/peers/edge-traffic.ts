/** What proxies report of a drilled edge, handed on from the replica that heard it: when it came, the leader says by its own clock. */
import { create } from '@bufbuild/protobuf';
import { type Load, LoadSchema, type Record as RecordMessage, RecordSchema } from '#gen/coffre/peers/v1/peers_pb.js';
import type { ClusterLoad } from '../xds/load-report.ts';

/** One report of one proxy on one watched cluster. */
export interface EdgeLoad extends Omit<ClusterLoad, 'inProgress'> {
  /** Workload key. */
  readonly key: string;
}

/** One request or connection of a watched cluster. */
export interface EdgeRecord {
  /** Workload key. */
  readonly proxy: string;
  readonly cluster: string;
  readonly protocol: 'http' | 'tcp';
  readonly moment: 'connected' | 'end';
  readonly flags: readonly string[];
  readonly durationMs: number;
}

export function loadMessage({ key, cluster, issued, succeeded, failed, dropped, periodMs }: EdgeLoad): Load {
  return create(LoadSchema, { proxy: key, cluster, issued, succeeded, failed, dropped, periodMs });
}

export function loadOf({ proxy, cluster, issued, succeeded, failed, dropped, periodMs }: Load): EdgeLoad {
  return { key: proxy, cluster, issued, succeeded, failed, dropped, periodMs };
}

export function recordMessage({ proxy, cluster, protocol, moment, flags, durationMs }: EdgeRecord): RecordMessage {
  const [isTcp, isConnected] = [protocol === 'tcp', moment === 'connected'];
  return create(RecordSchema, { proxy, cluster, isTcp, isConnected, flags: [...flags], durationMs });
}

export function recordOf({ proxy, cluster, isTcp, isConnected, flags, durationMs }: RecordMessage): EdgeRecord {
  const [protocol, moment] = [isTcp ? 'tcp' : 'http', isConnected ? 'connected' : 'end'] as const;
  return { proxy, cluster, protocol, moment, flags, durationMs };
}
