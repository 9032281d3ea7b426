/** What goes wrong and who acts on it: Detection Finding (2004), Application Error (6008), and API Activity (6003) of people. */
import type { DetectorEvent, HumanAction, LossEvent, ProblemEvent, QuarantineEvent } from '../evidence/event.ts';
import { otherActivity, type Saying, severity } from './ocsf-record.ts';
import { redactPerson } from './redact.ts';
import { cutList, cutText, quoted } from './telling.ts';

/** `activity_id`: of Detection Finding, and of Application Error. */
const createFinding = 1;
const closeFinding = 3;
const generalError = 1;

/** `activity_id` of API Activity. */
const activityOfMethod = new Map([
  ['GET', 2],
  ['HEAD', 2],
  ['POST', 1],
  ['PUT', 3],
  ['PATCH', 3],
  ['DELETE', 4],
]);

/** `status_id` of a finding. */
const newFinding = 1;
const resolvedFinding = 4;

/** `analytic.type_id`. */
const byRule = 1;

/** `user.type_id`. */
const userType = { user: 1, admin: 2 } as const;

export function sayDetector(event: DetectorEvent): Saying {
  const level = { notice: severity.low, warning: severity.medium, critical: severity.critical }[event.severity];
  return {
    class: 'detectionFinding',
    activity: createFinding,
    severity: level,
    message: cutText(event.text),
    profiles: ['security_control'],
    attributes: {
      status_id: newFinding,
      is_alert: event.severity !== 'notice',
      finding_info: {
        uid: event.id,
        title: `${event.detector}: ${cutText(event.about)}`,
        desc: cutText(event.text),
        analytic: { name: event.detector, type_id: byRule },
        related_events: cutList(event.events).map((uid) => ({ uid })),
      },
      resources: [{ name: cutText(event.about) }],
    },
    unmapped: { event_count: event.eventCount },
  };
}

export function sayQuarantine(event: QuarantineEvent): Saying {
  const { act, id, identity, reason, person } = event;
  const isOver = act === 'ended' || act === 'released';
  const message = `quarantine ${act}: ${quoted(identity)}: ${cutText(reason)}`;
  return {
    class: 'detectionFinding',
    activity: isOver ? closeFinding : createFinding,
    severity: act === 'begun' ? severity.critical : severity.low,
    message,
    profiles: ['security_control'],
    attributes: {
      status_id: isOver ? resolvedFinding : newFinding,
      is_alert: act === 'begun',
      finding_info: { uid: id, title: `quarantine ${act}: ${cutText(identity)}`, desc: message },
      resources: [{ name: cutText(identity) }],
    },
    unmapped: {
      ...(person === undefined ? {} : { person: redactPerson(person) }),
      ...(event.quarantinedUntilMs === undefined ? {} : { quarantined_until: event.quarantinedUntilMs }),
    },
  };
}

export function sayProblem(event: ProblemEvent): Saying {
  const solved = event.what === 'solved';
  return {
    class: 'applicationError',
    activity: solved ? otherActivity : generalError,
    ...(solved ? { activityName: 'solved' } : {}),
    severity: solved ? severity.informational : severity.medium,
    succeeded: solved,
    message: cutText(event.text),
    attributes: { status_code: event.code },
  };
}

export function sayLoss(event: LossEvent): Saying {
  return {
    class: 'applicationError',
    activity: generalError,
    severity: severity.medium,
    succeeded: false,
    message: `${event.count} events were lost at ${quoted(event.where)}: ${quoted(event.why)}`,
    attributes: { status_code: 'evidence-lost', status_detail: cutText(event.why) },
    unmapped: { where: cutText(event.where), lost: event.count },
  };
}

export function sayHumanAction(event: HumanAction): Saying {
  const person = redactPerson(event.person);
  const activity = activityOfMethod.get(event.method);
  const succeeded = event.status < 400;
  return {
    class: 'apiActivity',
    activity: activity ?? otherActivity,
    ...(activity === undefined ? { activityName: cutText(event.method) } : {}),
    severity: succeeded ? severity.informational : severity.low,
    succeeded,
    message: `${quoted(person)} did ${quoted(event.method)} on ${quoted(event.about)} and was answered ${event.status}`,
    attributes: {
      actor: { user: { uid: person, type_id: person === 'owner' ? userType.admin : userType.user } },
      api: { operation: cutText(event.method), response: { code: event.status } },
      // The schema wants an end, and the door keeps no address of a person.
      src_endpoint: { name: 'unknown' },
      resources: [{ uid: cutText(event.about) }],
      status_code: String(event.status),
    },
  };
}
