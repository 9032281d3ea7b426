/** Rules over `DrillConsent` for an API server. */
import { faultRange } from '../../../model/drill-rules.ts';
import { aMoment, cel, durationWithin, type FieldRule, someOf } from '../field-rule.ts';

export const drillConsentRules: readonly FieldRule[] = [
  someOf(
    'spec',
    ['asTarget', 'asCaller'],
    'the consent allows nothing: write what drills may do to services of this tenant (`asTarget`), or to its callers (`asCaller`)',
  ),
  durationWithin('spec.asTarget.maxDuration', faultRange),
  durationWithin('spec.asCaller.maxDuration', faultRange),
  // Two digits each: as text they are in the order of time.
  cel(
    'spec.windows[]',
    'self.from < self.to',
    '`to` is not after `from`: write hours that cross midnight as two windows',
  ),
  aMoment('spec.notAfter'),
];
