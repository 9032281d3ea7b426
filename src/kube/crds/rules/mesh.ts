/** Rules over `Mesh` for an API server. */
import { faultRange } from '../../../model/drill-rules.ts';
import { keptRange } from '../../../model/evidence-object-rules.ts';
import { evidenceClasses } from '../../../model/evidence-rules.ts';
import { leafLifetimeRange } from '../../../model/object-rules.ts';
import { metadataServices, privateRanges } from '../../../model/private-provider-rules.ts';
import { cel, durationWithin, exactlyOneOf, type FieldRule, literal, noUserIn, unique } from '../field-rule.ts';

/** They lead to everybody, to nobody or to the caller itself. */
const noNeighbours = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', 'fe80::/10', 'ff00::/8'];

const neighbour = [
  'isIP(self)',
  '!ip(self).isUnspecified()',
  '!ip(self).isLoopback()',
  `!${literal(noNeighbours)}.exists(range, cidr(range).containsIP(ip(self)))`,
  // IPv4 in the dress of IPv6, which the kernel would take off.
  "!string(ip(self)).startsWith('::ffff:')",
].join(' && ');

const privateNetworks = literal(privateRanges.map(({ network, prefix }) => `${network}/${prefix}`));

const privateRange = [
  'isCIDR(self)',
  `${privateNetworks}.exists(network, cidr(network).containsCIDR(cidr(self)))`,
  `!${literal(metadataServices)}.exists(address, cidr(self).containsIP(address))`,
].join(' && ');

/** A name or a private range; whether another host is loopback takes a URL parser to say. */
const surelyNotLoopback = '^http:[/\\\\]*([A-Za-z]|10[.]|172[.]|192[.])';

const to = 'spec.evidence.sinks[].to';

export const meshRules: readonly FieldRule[] = [
  durationWithin('spec.certificates.leafLifetime', leafLifetimeRange),
  cel(
    'spec.privateProviders[].addresses[]',
    privateRange,
    'write the range of the provider itself, within a private range and without the address of a metadata service',
  ),
  cel(
    'spec.dns.resolvers[]',
    neighbour,
    'write a unicast IPv4 or IPv6 address, not loopback, link-local, multicast or IPv4-mapped',
  ),
  cel(
    'spec.explicit.outboundRange',
    'isCIDR(self) && cidr(self) == cidr(self).masked()',
    'no range of loopback: write its first address, as `127.128.0.0/10`',
  ),
  durationWithin('spec.drills.maxDuration', faultRange),
  noUserIn('spec.drills.prometheusUrl'),
  ...evidenceClasses.map((name) => durationWithin(`spec.evidence.retention.${name}`, keptRange)),
  unique('spec.evidence.sinks', 'name'),
  exactlyOneOf(to, ['file', 'stdout', 'syslog', 'http']),
  noUserIn(`${to}.http.url`),
  cel(
    `${to}.http.url`,
    `!self.matches(${literal(surelyNotLoopback)})`,
    'events would travel in plaintext: write `https://`, or an address of loopback',
  ),
];
