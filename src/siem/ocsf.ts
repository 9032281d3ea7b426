/**
 * Evidence as a SIEM reads it: one event, one record of OCSF 1.4.0.
 *
 *   denial, request, breaker overflow ──▶ 4002 HTTP Activity, 4001 Network Activity where there was no request
 *   plaintext, handshake, undeclared port ──▶ 4001       human action ──▶ 6003 API Activity
 *   detector ──▶ 2004 Detection Finding                  problem, loss ──▶ 6008 Application Error
 *   publication, push, ack, nack, certificate, ejection, drill, store ──▶ 3004 Entity Management
 *
 * The id of the event is `metadata.uid`, and the decision `metadata.correlation_uid`: with either, `coffre events` tells
 * what was left out here.
 */
import type { EvidenceEvent } from '../evidence/event.ts';
import type { SignedHead, StoredEvent } from '../evidence/store.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import {
  sayAck,
  sayCertificate,
  sayDrill,
  sayEjection,
  sayHead,
  sayNack,
  sayPublication,
  sayPush,
  sayStore,
} from './ocsf-configuration.ts';
import { type OcsfRecord, ocsfRecord, type Saying } from './ocsf-record.ts';
import {
  sayBreakerOverflow,
  sayDenial,
  sayHandshakeFailure,
  sayPlaintextAttempt,
  sayRequest,
  sayUndeclaredPort,
} from './ocsf-traffic.ts';
import { sayDetector, sayHumanAction, sayLoss, sayProblem, sayQuarantine } from './ocsf-trouble.ts';
import type { Telling } from './telling.ts';

export function ocsfOf(stored: StoredEvent, telling: Telling): OcsfRecord {
  return ocsfRecord(stored, sayingOf(stored.event, telling));
}

/** @param head of a replica's chain; its record is no event, and has the head's own place. */
export function ocsfOfHead(head: SignedHead): OcsfRecord {
  const { replica, position, atMs } = head;
  const id = `head-${replica}-${position}`;
  const event = { id, atMs, tenant: systemNamespace, kind: headCode };
  return ocsfRecord({ replica, position, event }, sayHead(head));
}

/** `metadata.event_code` of a signed head. */
const headCode = 'evidence-head';

function sayingOf(event: EvidenceEvent, telling: Telling): Saying {
  switch (event.kind) {
    case 'denial':
      return sayDenial(event, telling);
    case 'request':
      return sayRequest(event, telling);
    case 'plaintext-attempt':
      return sayPlaintextAttempt(event);
    case 'handshake-failure':
      return sayHandshakeFailure(event);
    case 'undeclared-port':
      return sayUndeclaredPort(event);
    case 'breaker-overflow':
      return sayBreakerOverflow(event, telling);
    case 'ejection':
      return sayEjection(event);
    case 'certificate':
      return sayCertificate(event);
    case 'publication':
      return sayPublication(event);
    case 'push':
      return sayPush(event);
    case 'ack':
      return sayAck(event);
    case 'nack':
      return sayNack(event);
    case 'problem':
      return sayProblem(event);
    case 'drill':
      return sayDrill(event);
    case 'human-action':
      return sayHumanAction(event);
    case 'quarantine':
      return sayQuarantine(event);
    case 'detector':
      return sayDetector(event);
    case 'store':
      return sayStore(event);
    case 'loss':
      return sayLoss(event);
  }
}
