/** Which lab to run: in namespaces where this machine has them, on its loopback otherwise or where `COFFRE_LAB=explicit` asks for it. */
import type { LabKind } from './lab.ts';
import { labSupport } from './lab-support.ts';

/** @returns with the kind, why it is not the better one; empty where it is. */
export function labKind(env: Readonly<Record<string, string | undefined>>): { kind: LabKind; why: string } {
  if (env['COFFRE_LAB'] === 'explicit') return { kind: 'loopback', why: '`COFFRE_LAB=explicit` asks for it' };
  const support = labSupport();
  if (support.kind === 'none') return { kind: 'loopback', why: `${support.why}; ${support.cure}` };
  return { kind: support.kind, why: '' };
}
