/**
 * A record as syslog speaks: RFC 5424, framed by counting octets (RFC 5425, section 4.3; RFC 6587, section 3.4.1).
 *
 *   347 <109>1 2026-11-03T09:00:00.000Z coffre-0 coffre - denial [coffre@32473 id="…" tenant="shop"] {"class_uid":4002,…}
 *
 * The message is ASCII, so it needs no byte order mark and an octet is a character.
 */
import { severity } from './ocsf-record.ts';
import type { SinkRecord } from './sink.ts';

/** Facility 13, log audit. Source: RFC 5424, table 1. */
const facility = 13;

/** Severity of RFC 5424, table 2, by ours. */
const syslogSeverity = {
  [severity.informational]: 6,
  [severity.low]: 5,
  [severity.medium]: 4,
  [severity.high]: 3,
  [severity.critical]: 2,
} as const;

/** The enterprise number that RFC 5612 keeps for examples: Coffre has none of its own. */
const dataId = 'coffre@32473';

/** Longest HOSTNAME and MSGID. Source: RFC 5424, section 6. */
const hostnameLengthMax = 255;
const messageIdLengthMax = 32;

/** @param host of the sender: the replica's name. */
export function syslogFrame(record: SinkRecord, host: string): string {
  const priority = facility * 8 + syslogSeverity[record.severity];
  const time = new Date(record.atMs).toISOString();
  const data = `[${dataId} id="${escaped(record.id)}" tenant="${escaped(record.tenant)}"]`;
  const header = `<${priority}>1 ${time} ${printable(host, hostnameLengthMax)} coffre - ${printable(record.code, messageIdLengthMax)}`;
  const message = `${header} ${data} ${record.line}`;
  return `${Buffer.byteLength(message)} ${message}`;
}

/** What a header field may hold: visible ASCII; `-` where nothing is left. */
function printable(text: string, lengthMax: number): string {
  const visible = text.replaceAll(/[^!-~]/g, '').slice(0, lengthMax);
  return visible === '' ? '-' : visible;
}

/** RFC 5424, section 6.3.3: these three are escaped. A control character is allowed there, and does not pass here. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
    .replaceAll(/["\\\]]/g, (special) => `\\${special}`);
}
