/**
 * What a real Envoy said on its ADS stream over a start, changes, a refusal, heartbeats, a reconnect and its end.
 *
 *   recorded/<protocol>.jsonl     one entry a line, in the order in which the server saw them
 *
 * Recorded by test/e2e/xds-recording.test.ts, which rewrites the files with `--update`:
 *
 *   npm test -- --project e2e test/e2e/xds-recording.test.ts --update
 *
 * Resources are kept as name and version: what is in them the server does not read.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';

export type ProtocolName = 'sotw' | 'delta';

/** By type URL and name: the version, and a life in ms where there is one. */
export type RecordedTypes = Readonly<Record<string, Readonly<Record<string, { version: string; ttlMs?: number }>>>>;

/** `ms` counts from the beginning of the recording. */
export type Entry = { readonly ms: number } & (
  | { readonly kind: 'snapshot'; readonly types: RecordedTypes }
  | { readonly kind: 'opened' }
  /** In the JSON form of DiscoveryRequest or DeltaDiscoveryRequest. */
  | { readonly kind: 'request'; readonly request: JsonValue }
  | {
      readonly kind: 'pushed';
      readonly typeUrl: string;
      readonly nonce: string;
      readonly version: string;
      /** How many. */
      readonly resources: number;
      readonly removed: number;
    }
  | { readonly kind: 'heartbeat'; readonly typeUrl: string; readonly nonce: string; readonly resources: number }
  | { readonly kind: 'closed'; readonly reason: string }
);

/** `revision` of every snapshot of a recording. */
const recordedRevision = 'e2e';

export function recordingPath(protocol: ProtocolName): string {
  return join(import.meta.dirname, 'recorded', `${protocol}.jsonl`);
}

export function recordingOf(protocol: ProtocolName): readonly Entry[] {
  const lines = readFileSync(recordingPath(protocol), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

export function textOf(entries: readonly Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

export function typesOf({ types }: ResourceSnapshot): RecordedTypes {
  const listed = [...types].map(([typeUrl, listing]) => {
    const each = [...listing.values()].map(({ name, version, ttlMs }) => {
      return [name, ttlMs === undefined ? { version } : { version, ttlMs }] as const;
    });
    return [typeUrl, Object.fromEntries(each)] as const;
  });
  return Object.fromEntries(listed);
}

export function snapshotIn(recorded: RecordedTypes): ResourceSnapshot {
  const types = Object.entries(recorded).map(([typeUrl, listing]) => {
    const any = new Uint8Array();
    const each = Object.entries(listing).map(([name, kept]): [string, Resource] => [
      name,
      { typeUrl, name, any, ...kept },
    ]);
    return [typeUrl, new Map(each)] as const;
  });
  return { revision: recordedRevision, types: new Map(types) };
}

/** A recorded request as it came off the wire. */
export function bytesOf(protocol: ProtocolName, request: JsonValue): Uint8Array {
  return protocol === 'sotw'
    ? toBinary(DiscoveryRequestSchema, fromJson(DiscoveryRequestSchema, request))
    : toBinary(DeltaDiscoveryRequestSchema, fromJson(DeltaDiscoveryRequestSchema, request));
}

export function typeOf({ request }: Entry & { readonly kind: 'request' }): string {
  return (request as { readonly typeUrl: string }).typeUrl;
}

/** What kinds of requests a recording holds, whatever their order: what is common to all recordings of the same moves. */
export function wordsSaidIn(entries: readonly Entry[]): readonly string[] {
  const words = entries.flatMap((entry) => {
    if (entry.kind !== 'request') return [];
    const fields = Object.keys(entry.request as object).filter((name) => name !== 'node');
    const typeUrl = typeOf(entry);
    return [`${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${fields.sort().join()}`];
  });
  return [...new Set(words)].sort();
}
