/**
 * A record as one line of plain ASCII, whatever a caller has written into a path, a host name or an SNI.
 *
 * Within JSON every character above ASCII can be written as an escape, and is: so there is no line break, no control
 * character and no mark that turns the direction of writing in what a terminal, a log shipper or syslog gets to see, and
 * a reader of JSON still gets every character back. A lone surrogate is none, and many readers refuse a whole record for
 * it: it becomes U+FFFD.
 */
import type { Json } from './ocsf-record.ts';

export function oneLine(value: Json): string {
  const text = JSON.stringify(value, (_key, field) => (typeof field === 'string' ? field.toWellFormed() : field));
  return text.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
