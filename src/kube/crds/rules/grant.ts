/** Rules over `Grant` for an API server. */
import { aMoment, type FieldRule } from '../field-rule.ts';
import { seenHeader } from './request.ts';

export const grantRules: readonly FieldRule[] = [seenHeader('spec.to.headers[].name'), aMoment('spec.notAfter')];
