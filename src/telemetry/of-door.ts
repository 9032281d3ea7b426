/** Calls of the management door, by what became of them. Who called, and what for, is evidence and no label. */
import { type doorOutcomes, instruments } from './instruments.ts';
import type { Meters } from './meters.ts';

export function telemetryOfDoor(meters: Meters): (call: { readonly status: number }) => void {
  const calls = meters.count(instruments.doorCalls);
  return ({ status }) => calls(1, { outcome: outcomeOf(status) });
}

function outcomeOf(status: number): (typeof doorOutcomes)[number] {
  if (status < 400) return 'ok';
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  return status < 500 ? 'misuse' : 'failed';
}
