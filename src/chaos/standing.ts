/** Whether a run under way may go on: everything that let it begin is judged again, as the mesh is now. */
import type { Snapshot } from '../model/snapshot.ts';
import { consentRefusals } from './consent.ts';
import { ruleRefusals } from './house-rules.ts';
import type { Refusal } from './refusal.ts';
import type { Run } from './run.ts';

/** @param snapshot undefined where the mesh cannot be read: then nobody knows who consents. */
export function standingRefusals(snapshot: Snapshot | undefined, { drill }: Run, nowMs: number): readonly Refusal[] {
  if (snapshot === undefined) return [{ message: 'the mesh cannot be read', advice: 'mend its sources' }];
  const declared = snapshot.drills.get(drill.key);
  if (declared === undefined) {
    return [{ message: 'the drill is not in force any more', advice: 'see the problems of the mesh' }];
  }
  if (declared.hash !== drill.hash) return [{ message: 'the drill was changed', advice: 'plan the new one' }];
  const ports = snapshot.services.get(drill.target.service)?.ports ?? [];
  if (!ports.some(({ port }) => port === drill.target.port)) {
    const message = `\`${drill.target.service}\` has no port ${drill.target.port} any more`;
    return [{ message, advice: 'name a target that is there' }];
  }
  return [...ruleRefusals(drill, snapshot.mesh), ...consentRefusals(drill, snapshot.drillConsents, nowMs)];
}
