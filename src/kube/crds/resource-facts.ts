/** How each kind of ours is called and shown by `kubectl`. */
import type { KnownObject } from '../../model/kinds/catalogue.ts';
import type { PrinterColumn } from './crd.ts';

/** The kinds that an API server learns from us. */
export type OurKind = Extract<KnownObject, { apiVersion: 'coffre.dev/v1alpha1' }>['kind'];

export interface ResourceFacts {
  readonly plural: string;
  readonly shortNames?: readonly string[];
  /** Between the name and what every kind shows. */
  readonly columns: readonly PrinterColumn[];
}

function text(name: string, jsonPath: string, priority = 0): PrinterColumn {
  return { name, type: 'string', jsonPath, ...(priority === 0 ? {} : { priority }) };
}

export const resourceFacts: Readonly<Record<OurKind, ResourceFacts>> = {
  Mesh: {
    plural: 'meshes',
    columns: [
      text('Trust domain', '.spec.trustDomain'),
      { name: 'Drills halted', type: 'boolean', jsonPath: '.spec.drills.halted' },
    ],
  },
  Tenant: {
    plural: 'tenants',
    shortNames: ['tn'],
    columns: [
      text('Environment', '.spec.environment'),
      text('Default access', '.spec.defaultAccess'),
      text('Sealed', '.spec.sealedServices', 1),
    ],
  },
  Grant: {
    plural: 'grants',
    shortNames: ['gr'],
    columns: [
      text('From', '.spec.from.tenant'),
      text('Service', '.spec.to.service'),
      text('Volume', '.spec.to.volume'),
      text('Not after', '.spec.notAfter'),
      text('Reason', '.spec.reason', 1),
    ],
  },
  AccessPolicy: {
    plural: 'accesspolicies',
    shortNames: ['ap'],
    columns: [text('Enforcement', '.spec.enforcement'), text('Selector', '.spec.selector.matchLabels', 1)],
  },
  TrafficPolicy: {
    plural: 'trafficpolicies',
    shortNames: ['tp'],
    columns: [text('Service', '.spec.service')],
  },
  Drill: {
    plural: 'drills',
    shortNames: ['dr'],
    columns: [
      text('Target', '.spec.target.service'),
      text('Duration', '.spec.duration'),
      text('Phase', '.status.phase'),
      text('Hypothesis', '.spec.hypothesis', 1),
    ],
  },
  DrillConsent: {
    plural: 'drillconsents',
    shortNames: ['dc'],
    columns: [
      text('Target', '.spec.asTarget.services'),
      text('Callers', '.spec.asTarget.callerTenants'),
      text('Not after', '.spec.notAfter'),
    ],
  },
};

/** What every kind shows after its own. */
export const commonColumns: readonly PrinterColumn[] = [
  text('Accepted', ".status.conditions[?(@.type=='Accepted')].status"),
  text('Programmed', ".status.conditions[?(@.type=='Programmed')].status"),
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];
