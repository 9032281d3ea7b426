/**
 * One object as a cluster holds it, as far as it matters to whoever keeps it: its content, and who else wrote at that.
 *
 *   raw ──readFound──▶ FoundObject          metadata.managedFields ──▶ strangers: which manager, which fields, when
 */
import { canonicalJson, contentHash } from '../../model/canonical-json.ts';
import { isRecord } from '../../model/prune.ts';
import { itemIdentity } from '../inform/item-identity.ts';
import { controlPlaneManager } from '../objects.ts';
import { type KeptKind, keptLabels } from './kept-kind.ts';

export interface FoundObject {
  /** `namespace/name`, or the name of what lives in no namespace. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** What others may have put there, and keep: labels, annotations, owners, finalizers. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, unknown>>;
  /** Of the content and of our labels. */
  readonly hash: string;
  /** Whether it bears our labels. */
  readonly isOurs: boolean;
  readonly isGoing: boolean;
  /** Newest first. */
  readonly strangers: readonly Stranger[];
}

/** Somebody else who wrote at what is ours. */
export interface Stranger {
  /** As they call themselves: `kubectl-edit`. Anybody may call himself anything. */
  readonly manager: string;
  /** Such as `spec.ingress`; never empty. */
  readonly fields: readonly string[];
  /** RFC 3339; empty where the API server did not say. */
  readonly time: string;
}

/** Most strangers, and fields of each, that are kept. */
const strangersMax = 4;
const fieldsMax = 4;

/** @param raw of any shape. @returns nothing for what no API server would call an object. */
export function readFound(kind: KeptKind, raw: unknown): FoundObject | undefined {
  const identity = itemIdentity(raw);
  const metadata = isRecord(raw) ? raw['metadata'] : undefined;
  if (identity === undefined || !isRecord(raw) || !isRecord(metadata)) return undefined;
  const { labels, annotations, ownerReferences, finalizers, uid } = metadata;
  const content = Object.fromEntries(
    kind.content.flatMap((field) => (raw[field] === undefined ? [] : [[field, raw[field]]])),
  );
  const own = Object.entries(keptLabels(kind));
  const labelled = own.map(([key]) => (isRecord(labels) ? labels[key] : undefined));
  return {
    key: identity.key,
    uid: typeof uid === 'string' ? uid : '',
    resourceVersion: identity.resourceVersion,
    metadata: { labels, annotations, ownerReferences, finalizers },
    content,
    hash: contentHash(canonicalJson([content, labelled.map((value) => value ?? null)])),
    isOurs: own.every(([, value], index) => labelled[index] === value),
    isGoing: metadata['deletionTimestamp'] !== undefined,
    strangers: strangersIn(kind, metadata['managedFields']),
  };
}

function strangersIn({ content }: KeptKind, managedFields: unknown): readonly Stranger[] {
  const entries = Array.isArray(managedFields) ? managedFields.filter(isRecord) : [];
  return entries
    .flatMap(({ manager, subresource, fieldsV1, time }) => {
      if (manager === controlPlaneManager || typeof subresource === 'string') return [];
      const fields = content.flatMap((field) =>
        pathsIn(isRecord(fieldsV1) ? fieldsV1[`f:${field}`] : undefined, field),
      );
      if (fields.length === 0) return [];
      const told = { manager: typeof manager === 'string' ? manager : '', time: typeof time === 'string' ? time : '' };
      return [{ ...told, fields: fields.slice(0, fieldsMax) }];
    })
    .sort((left, right) => (left.time > right.time ? -1 : 1))
    .slice(0, strangersMax);
}

/** One level below the field, which is as much as a person needs to know where to look. */
function pathsIn(owned: unknown, field: string): readonly string[] {
  if (!isRecord(owned)) return [];
  const below = Object.keys(owned).flatMap((key) => (key.startsWith('f:') ? [`${field}.${key.slice(2)}`] : []));
  return below.length === 0 ? [field] : below;
}
