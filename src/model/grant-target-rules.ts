/**
 * What a grant opens: a service, with whatever it says of requests, or a volume and nothing else.
 *
 * A volume is mounted by pods of any service account of a namespace, and nobody sees requests to it: what a grant of a
 * volume said of either would be read as a limit, and would be none.
 */
import { bad } from './common-findings.ts';
import type { GrantObject } from './kinds/grant.ts';
import { quote } from './quote.ts';
import type { Finding } from './sourced-object.ts';

/** Paths in `spec` that say something of calls. */
export const beyondAVolume = [
  'to.service',
  'to.ports',
  'to.methods',
  'to.paths',
  'to.hosts',
  'to.headers',
  'from.serviceAccounts',
  'when',
] as const;

export function grantTargetFindings(spec: GrantObject['spec']): Finding[] {
  if (spec.to.volume === undefined) return spec.to.service === undefined ? [opensNothing] : [];
  return beyondAVolume.filter((path) => isWritten(spec, path)).map(besideVolume);
}

function isWritten(spec: GrantObject['spec'], path: string): boolean {
  const value = path
    .split('.')
    .reduce<unknown>(
      (part, key) => (typeof part === 'object' && part !== null ? Reflect.get(part, key) : undefined),
      spec,
    );
  return value !== undefined;
}

const opensNothing: Finding = {
  code: 'missing-field',
  severity: 'error',
  path: 'spec.to',
  message: 'the grant names neither a service nor a volume, so it opens nothing',
  advice: 'write `service`, or `volume` alone',
};

function besideVolume(path: (typeof beyondAVolume)[number]): Finding {
  const message = `${quote(path)} speaks of calls, and a grant of a volume opens the whole of it to the whole tenant`;
  return bad(`spec.${path}`, message, 'take it away, or write a second grant for the service');
}
