/**
 * What a record of the Open Cybersecurity Schema Framework is, whatever its class.
 *
 *   class, activity ──▶ category_uid, class_uid, type_uid     event ──▶ time, metadata (id, tenant, decision, position)
 *
 * We speak 1.4.0: the oldest version that has everything we say (application errors, traces, `is_alert`). Within version
 * 1 the schema only grows, so whoever reads a later one reads this. Source: ocsf-schema, branch v1.4.0.
 */
import type { EventCommon } from '../evidence/event.ts';

const ocsfVersion = '1.4.0';

/** By the schema's own names; the category is the first digit. */
export const classUid = {
  detectionFinding: 2004,
  entityManagement: 3004,
  networkActivity: 4001,
  httpActivity: 4002,
  apiActivity: 6003,
  applicationError: 6008,
} as const;

export type OcsfClass = keyof typeof classUid;

/** `severity_id` of the schema. */
export const severity = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const;

export type Severity = (typeof severity)[keyof typeof severity];

/** `activity_id` that no class has a word for; `activity_name` says it then. */
export const otherActivity = 99;

export type Json = string | number | boolean | readonly Json[] | JsonObject;

/** A field that is undefined is not written. */
export interface JsonObject {
  readonly [field: string]: Json | undefined;
}

export interface OcsfRecord extends JsonObject {
  readonly class_uid: number;
  readonly severity_id: Severity;
  /** Epoch ms. */
  readonly time: number;
  readonly message: string;
  readonly metadata: JsonObject;
}

/** What the encoder of a kind says; the rest follows from the event. */
export interface Saying {
  readonly class: OcsfClass;
  readonly activity: number;
  /** Needed where the activity is `otherActivity`. */
  readonly activityName?: string;
  readonly severity: Severity;
  /** Absent where success and failure make no sense, and of findings, which have a status of their own. */
  readonly succeeded?: boolean;
  /** One sentence. */
  readonly message: string;
  /** Profiles of the schema whose attributes are used. */
  readonly profiles?: readonly string[];
  readonly attributes: JsonObject;
  /** What the schema has no word for. */
  readonly unmapped?: JsonObject;
}

/** An event in its place in a chain; the code is its kind. */
export interface Placed {
  readonly replica: string;
  readonly position: number;
  readonly event: EventCommon & { readonly kind: string };
}

export function ocsfRecord({ replica, position, event }: Placed, saying: Saying): OcsfRecord {
  const uid = classUid[saying.class];
  const { profiles, trace, unmapped } = tracing(saying, event.trace);
  return {
    category_uid: Math.floor(uid / 1_000),
    class_uid: uid,
    activity_id: saying.activity,
    activity_name: saying.activityName,
    type_uid: uid * 100 + saying.activity,
    severity_id: saying.severity,
    status_id: saying.succeeded === undefined ? undefined : saying.succeeded ? 1 : 2,
    time: event.atMs,
    message: saying.message,
    metadata: {
      version: ocsfVersion,
      product: { name: 'Coffre', vendor_name: 'Coffre' },
      uid: event.id,
      event_code: event.kind,
      log_name: 'evidence',
      log_provider: replica,
      sequence: position,
      tenant_uid: event.tenant,
      correlation_uid: event.decision,
      profiles: profiles.length === 0 ? undefined : profiles,
    },
    trace,
    ...saying.attributes,
    unmapped: filled({ workload: event.workload, revision: event.revision, ...unmapped }),
  };
}

/** The profile `trace` is one of these two classes only. */
function tracing(saying: Saying, trace: string | undefined) {
  const profiles = saying.profiles ?? [];
  if (trace === undefined) return { profiles, trace: undefined, unmapped: saying.unmapped };
  if (saying.class === 'httpActivity' || saying.class === 'apiActivity')
    return { profiles: [...profiles, 'trace'], trace: { uid: trace }, unmapped: saying.unmapped };
  return { profiles, trace: undefined, unmapped: { ...saying.unmapped, trace } };
}

function filled(object: JsonObject): JsonObject | undefined {
  return Object.values(object).some((value) => value !== undefined) ? object : undefined;
}
