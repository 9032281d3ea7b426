/**
 * What becomes of the things that the control plane manages, as Entity Management (3004): configuration, certificates,
 * endpoints, drills and the evidence itself.
 */
import type {
  AckEvent,
  CertificateEvent,
  DrillEvent,
  EjectionEvent,
  NackEvent,
  PublicationEvent,
  PushEvent,
  StoreEvent,
} from '../evidence/event.ts';
import type { SignedHead } from '../evidence/store.ts';
import { sourceEndpoint } from './ocsf-endpoint.ts';
import { type JsonObject, otherActivity, type Saying, severity } from './ocsf-record.ts';
import { cutList, cutText, quoted } from './telling.ts';

/** `activity_id` of Entity Management. */
const activity = { create: 1, read: 2, update: 3, delete: 4, activate: 10, suspend: 12, resume: 13 } as const;

const of = 'entityManagement';

export function sayPublication(event: PublicationEvent): Saying {
  return {
    class: of,
    activity: activity.update,
    severity: severity.informational,
    succeeded: event.withheld.length === 0,
    message: `a new revision of the mesh is in force for ${event.proxies} proxies; ${event.objectCount} objects differ`,
    attributes: entity('mesh', 'mesh configuration', { version: event.revision }),
    unmapped: {
      proxies: event.proxies,
      withheld: cutList(event.withheld),
      objects: cutList(event.objects),
      object_count: event.objectCount,
    },
  };
}

export function sayPush(event: PushEvent): Saying {
  return {
    class: of,
    activity: activity.update,
    severity: severity.informational,
    message: `${event.resources} resources of ${quoted(event.typeUrl)} went to ${event.proxyCount} proxies`,
    attributes: configurationOf(event),
    unmapped: {
      proxies: cutList(event.proxies),
      proxy_count: event.proxyCount,
      resources: event.resources,
      removed: event.removed,
      bytes: event.bytes,
    },
  };
}

export function sayAck(event: AckEvent): Saying {
  return {
    class: of,
    activity: activity.update,
    severity: severity.informational,
    succeeded: true,
    message: `${event.proxyCount} proxies accepted ${quoted(event.typeUrl)}`,
    attributes: configurationOf(event),
    unmapped: { proxies: cutList(event.proxies), proxy_count: event.proxyCount },
  };
}

export function sayNack(event: NackEvent): Saying {
  return {
    class: of,
    activity: activity.update,
    severity: severity.medium,
    succeeded: false,
    message: `${quoted(event.workload ?? 'a proxy')} refused its configuration: ${quoted(event.message)}`,
    attributes: { ...configurationOf(event), status_detail: cutText(event.message) },
    unmapped: { resources: cutList(event.resources) },
  };
}

export function sayCertificate(event: CertificateEvent): Saying {
  const failed = event.what === 'failed' || event.what === 'rotation-aborted';
  return {
    class: of,
    activity: event.what === 'issued' ? activity.create : activity.update,
    severity: failed ? severity.medium : severity.informational,
    succeeded: !failed,
    message: `certificate of ${quoted(event.subject)}: ${event.what}`,
    attributes: {
      ...entity(event.subject, 'certificate', { uid: event.serial }),
      status_code: event.what,
      status_detail: event.detail === undefined ? undefined : cutText(event.detail),
    },
    unmapped: { not_after: event.notAfterMs },
  };
}

export function sayEjection(event: EjectionEvent): Saying {
  const ejected = event.what === 'ejected';
  const name = event.to.workload ?? event.to.address ?? 'unknown';
  return {
    class: of,
    activity: ejected ? activity.suspend : activity.resume,
    severity: ejected ? severity.low : severity.informational,
    succeeded: true,
    message: `endpoint ${quoted(name)} ${ejected ? 'was ejected by' : 'is back at'} ${quoted(event.workload ?? 'a proxy')}`,
    attributes: { ...entity(name, 'endpoint', { uid: event.to.address }), src_endpoint: sourceEndpoint(event.from) },
    unmapped: { cluster: event.to.cluster },
  };
}

/** What the record holds stays here: it is for the run book, and names people. */
export function sayDrill(event: DrillEvent): Saying {
  const steps = stepsOf(event.body);
  return {
    class: of,
    activity: otherActivity,
    activityName: steps === '' ? 'recorded' : steps,
    severity: severity.informational,
    message: `drill ${quoted(event.stream)}: ${steps === '' ? 'recorded' : quoted(steps)}`,
    attributes: entity(event.stream, 'drill', { version: String(event.sequence) }),
  };
}

export function sayStore(event: StoreEvent): Saying {
  const said = {
    opened: { activity: activity.activate, severity: severity.informational, succeeded: true },
    pruned: { activity: activity.delete, severity: severity.informational, succeeded: true },
    'key-destroyed': { activity: activity.delete, severity: severity.low, succeeded: true },
    'tail-cut': { activity: activity.update, severity: severity.high, succeeded: false },
    gap: { activity: activity.update, severity: severity.high, succeeded: false },
  }[event.what];
  return {
    class: of,
    ...said,
    message: `evidence store: ${event.what}: ${quoted(event.text)}`,
    attributes: {
      ...entity('evidence', 'evidence store', {}),
      status_code: event.what,
      status_detail: cutText(event.text),
    },
    unmapped: { pruned: event.pruned },
  };
}

/** A signed head as a witness: who holds it can tell a chain that was cut from one that is whole. */
export function sayHead(head: SignedHead): Saying {
  return {
    class: of,
    activity: activity.read,
    severity: severity.informational,
    succeeded: true,
    message: `the evidence of ${quoted(head.replica)} reaches to record ${head.position}`,
    attributes: entity(head.replica, 'evidence chain', { uid: head.hash, version: String(head.position) }),
    unmapped: {
      head: {
        replica: head.replica,
        position: head.position,
        hash: head.hash,
        at_ms: head.atMs,
        signature: head.signature,
      },
    },
  };
}

function configurationOf({ typeUrl, revision }: PushEvent | AckEvent | NackEvent): JsonObject {
  return entity(typeUrl, 'proxy configuration', { version: revision });
}

function entity(
  name: string,
  type: string,
  more: { uid?: string | undefined; version?: string | undefined },
): JsonObject {
  return { entity: { name: cutText(name), type_id: otherActivity, type, ...more } };
}

/** Kinds of the steps that one record of a journal holds; empty where it tells none. */
function stepsOf(body: string): string {
  const steps = readObject(body)?.['events'];
  if (!Array.isArray(steps)) return '';
  const kinds = steps.flatMap((step: unknown) =>
    isObject(step) && typeof step['kind'] === 'string' ? [step['kind']] : [],
  );
  return cutList(kinds).join(', ');
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
