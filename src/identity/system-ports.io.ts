/** The real clock and the kernel's random bytes: what a composition root hands to this room. */
import { randomBytes } from 'node:crypto';
import type { IdentityPorts } from './ports.ts';

export const systemPorts: IdentityPorts = {
  clock: { nowMs: () => Date.now() },
  entropy: { bytes: (length) => randomBytes(length) },
};
