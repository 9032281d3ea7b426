/** What stands around every proxy of the standard mesh. The evidence port's address carries the mark that fan-out moves. */
import type { Platform } from '../src/envoy/platform.ts';
import { commonMark, markedAddress } from './standard-mesh.ts';

export const benchPlatform: Platform = {
  bypass: { kind: 'user' },
  authz: [{ address: '10.255.0.5', port: 15_013 }],
  evidence: { address: markedAddress(commonMark), port: 15_015 },
  systemCaFile: '/etc/ssl/certs/ca-certificates.crt',
};
