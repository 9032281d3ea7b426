/** Rules over `Grant` for an API server. */
import { beyondAVolume } from '../../../model/grant-target-rules.ts';
import { aMoment, cel, type FieldRule } from '../field-rule.ts';
import { seenHeader } from './request.ts';

const besides = beyondAVolume.map((path) => `has(self.${path})`).join(' || ');

export const grantRules: readonly FieldRule[] = [
  cel(
    'spec',
    `has(self.to.volume) ? !(${besides}) : has(self.to.service)`,
    'a grant opens a service, or a volume and nothing else: write `to.service`, or `to.volume` alone',
  ),
  seenHeader('spec.to.headers[].name'),
  aMoment('spec.notAfter'),
];
