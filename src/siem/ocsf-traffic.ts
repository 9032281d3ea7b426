/**
 * What callers do, and what is refused them: HTTP Activity (4002) where there was a request, Network Activity (4001) else.
 *
 * The surprise: a failed handshake is no Authentication event (3002). That class wants a user, and here nobody was proved:
 * what the certificate claimed stands under `unmapped.claimed_identity`, where no rule takes it for somebody.
 */
import type {
  BreakerOverflow,
  DenialEvent,
  EventCommon,
  HandshakeFailure,
  Peer,
  PlaintextAttempt,
  RecordedRequest,
  RequestEvent,
  Target,
  UndeclaredPort,
} from '../evidence/event.ts';
import { destinationEndpoint, observablesOf, sourceEndpoint } from './ocsf-endpoint.ts';
import { type JsonObject, otherActivity, type Saying, severity } from './ocsf-record.ts';
import { redactPath } from './redact.ts';
import { cutText, pathLengthMax, quoted, type Telling } from './telling.ts';

/** `activity_id` of Network Activity. */
const connection = { fail: 4, refuse: 5 } as const;

/** `activity_id` of HTTP Activity. */
const activityOfMethod = new Map([
  ['CONNECT', 1],
  ['DELETE', 2],
  ['GET', 3],
  ['HEAD', 4],
  ['OPTIONS', 5],
  ['POST', 6],
  ['PUT', 7],
  ['TRACE', 8],
]);

/** `action_id` and `disposition_id` of the profile `security_control`. */
const allowed = { action_id: 1, disposition_id: 1 } as const;
const blocked = { action_id: 2, disposition_id: 2 } as const;
const unauthorized = { action_id: 2, disposition_id: 26 } as const;
const notJudged = { action_id: 2, disposition_id: 27 } as const;

/** `connection_info.direction_id`, as the proxy that tells it sees it. */
const direction = { inbound: 1, outbound: 2 } as const;

const securityControl = ['security_control'];

type Traffic = EventCommon & { readonly from: Peer; readonly to: Target };

export function sayDenial(event: DenialEvent, telling: Telling): Saying {
  const judged = event.verdict === 'deny';
  const outcome = judged ? (event.request === undefined ? blocked : unauthorized) : notJudged;
  return {
    ...(event.request === undefined ? aConnection(connection.refuse) : aRequest(event.request)),
    severity: judged ? severity.low : severity.medium,
    succeeded: false,
    message: `${ends(event)} was refused${judged ? '' : ', since nobody could judge it'}: ${quoted(event.reason)}`,
    profiles: securityControl,
    attributes: {
      ...between(event, direction.inbound),
      ...(event.request === undefined ? {} : exchange(event, event.request, telling)),
      ...outcome,
      status_code: cutText(event.reason),
      firewall_rule: event.rule === undefined ? undefined : { name: cutText(event.rule) },
    },
    unmapped: { ...strangeHost(event.request), decided_by: event.by, claimed_identity: claimOf(event) },
  };
}

export function sayRequest(event: RequestEvent, telling: Telling): Saying {
  return {
    ...aRequest(event.request),
    severity: severity.informational,
    succeeded: event.request.status < 400,
    message: `${ends(event)} was allowed`,
    profiles: securityControl,
    attributes: {
      ...between(event, direction.inbound),
      ...exchange(event, event.request, telling),
      ...allowed,
      duration: event.durationMs,
    },
    // Not `count`: that would say so many were seen, and one was.
    unmapped: { ...strangeHost(event.request), stands_for: event.standsFor },
  };
}

export function sayPlaintextAttempt(event: PlaintextAttempt): Saying {
  const said = event.silent ? 'said nothing' : 'spoke no TLS';
  return {
    ...aConnection(connection.refuse),
    severity: severity.medium,
    succeeded: false,
    message: `${ends(event)} was closed: the caller ${said}`,
    profiles: securityControl,
    attributes: { ...between(event, direction.inbound), ...blocked, status_code: 'plaintext' },
    unmapped: { silent: event.silent },
  };
}

export function sayHandshakeFailure(event: HandshakeFailure): Saying {
  return {
    ...aConnection(connection.fail),
    severity: severity.medium,
    succeeded: false,
    message: `the TLS handshake of ${ends(event)} failed: ${quoted(event.reason)}`,
    profiles: securityControl,
    attributes: {
      ...between(event, direction.inbound),
      ...blocked,
      status_code: 'handshake-failure',
      status_detail: cutText(event.reason),
      // The schema wants a version, and a handshake that failed has none.
      tls: event.sni === '' ? undefined : { version: 'unknown', sni: cutText(event.sni) },
    },
    unmapped: { claimed_identity: claimOf(event) },
  };
}

export function sayUndeclaredPort(event: UndeclaredPort): Saying {
  return {
    ...aConnection(connection.refuse),
    severity: severity.low,
    succeeded: false,
    message: `${ends(event)} was refused: nothing is declared there`,
    profiles: securityControl,
    attributes: { ...between(event, direction[event.direction]), ...blocked, status_code: 'undeclared-port' },
  };
}

/** No control has judged here, so no profile: the network, or a breaker, turned it away. */
export function sayBreakerOverflow(event: BreakerOverflow, telling: Telling): Saying {
  const flags = event.flags.join(',');
  return {
    ...(event.request === undefined ? aConnection(connection.fail) : aRequest(event.request)),
    severity: severity.low,
    succeeded: false,
    message: `${ends(event)} was turned away at the caller: ${quoted(flags)}`,
    attributes: {
      ...between(event, direction.outbound),
      ...(event.request === undefined ? {} : exchange(event, event.request, telling)),
      status_code: cutText(flags),
    },
    unmapped: { ...strangeHost(event.request), cluster: event.to.cluster },
  };
}

function aConnection(activity: number): Pick<Saying, 'class' | 'activity'> {
  return { class: 'networkActivity', activity };
}

function aRequest({ method }: RecordedRequest): Pick<Saying, 'class' | 'activity' | 'activityName'> {
  const activity = activityOfMethod.get(method);
  return activity === undefined
    ? { class: 'httpActivity', activity: otherActivity, activityName: cutText(method) }
    : { class: 'httpActivity', activity };
}

function between({ from, to, workload }: Traffic, directionId: number): JsonObject {
  // The schema wants one end at least, and the workload that tells it is always one of them.
  const [source, destination] = [sourceEndpoint(from), destinationEndpoint(to)];
  const teller = { name: workload ?? 'unknown' };
  const tellerIsSource = directionId === direction.outbound;
  const observables = observablesOf(from, to);
  return {
    src_endpoint: source ?? (tellerIsSource ? teller : undefined),
    dst_endpoint: destination ?? (tellerIsSource ? undefined : teller),
    connection_info: { direction_id: directionId, protocol_name: 'tcp', protocol_num: 6 },
    observables: observables.length === 0 ? undefined : observables,
  };
}

function exchange(event: EventCommon, { host, method, path, status }: RecordedRequest, telling: Telling): JsonObject {
  return {
    http_request: {
      uid: event.decision,
      http_method: cutText(method),
      url: {
        hostname: isHostname(host) ? host : undefined,
        path: cutText(redactPath(path, telling.paths), pathLengthMax),
      },
    },
    http_response: status === 0 ? undefined : { code: status },
  };
}

/** A Host header that names no host is told, but not as one. */
function strangeHost(request: RecordedRequest | undefined): JsonObject {
  const host = request?.host ?? '';
  return host === '' || isHostname(host) ? {} : { host_header: cutText(host) };
}

function isHostname(host: string): boolean {
  return host.length <= 255 && /^(?!-)[\w.-]+$|^\[[\da-f:.]+\]$/i.test(host);
}

function claimOf({ from }: Traffic): string | undefined {
  return from.claimed === undefined ? undefined : cutText(from.claimed);
}

function ends({ from, to, workload }: Traffic): string {
  const caller = from.identity ?? from.workload ?? from.address;
  const called = to.workload ?? to.cluster ?? to.address ?? workload;
  return `a call from ${caller === undefined ? 'an unknown peer' : quoted(caller)} to ${called === undefined ? 'an unknown place' : quoted(called)}`;
}
