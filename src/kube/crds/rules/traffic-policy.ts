/** Rules over `TrafficPolicy` for an API server. */
import { trafficRanges } from '../../../model/traffic-policy-rules.ts';
import { cel, durationWithin, type FieldRule } from '../field-rule.ts';

export const trafficPolicyRules: readonly FieldRule[] = [
  durationWithin('spec.outlierDetection.interval', trafficRanges.interval),
  durationWithin('spec.outlierDetection.baseEjectionTime', trafficRanges.baseEjectionTime),
  durationWithin('spec.timeouts.request', trafficRanges.request),
  durationWithin('spec.timeouts.idle', trafficRanges.idle),
  durationWithin('spec.timeouts.connect', trafficRanges.connect),
  durationWithin('spec.retries.perTryTimeout', trafficRanges.perTryTimeout),
  cel(
    'spec.retries',
    "!has(self.perTryTimeout) || (has(self.retryOn) && 'gateway-error' in self.retryOn)",
    'a try that takes too long is ended, and nothing tries again: add `gateway-error` to `retryOn`, or write `spec.timeouts.request`',
  ),
];
