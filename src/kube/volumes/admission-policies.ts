/**
 * What no grant can open, refused by the API server itself: it stands while Coffre does not.
 *
 *   Tenant (parameter) × object ──CEL──▶ refused with the reason        one policy for every tenant there is or will be
 *
 * Each policy is bound to all tenants, and a server asks for all of them to hold: "for each tenant, if the object is its
 * own, then …" can be said so, "unless some grant …" cannot. Hence this half here, and the other at the webhook.
 * Kubernetes' own namespace and ours are left out by their names, which no tenant can have: a node's agents begin whatever an
 * API server knows of tenants.
 * An update that changes nothing a rule speaks of is not asked about, so that what existed before can still be deleted.
 */
import {
  bindingOf,
  outsideTheSystem,
  policyMetadata,
  systemNamespaces,
  tenantParam,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
} from '../admission-policy.ts';
import { literal } from '../crds/field-rule.ts';
import { classAnnotation, openSources } from './closed-sources.ts';

interface Wall {
  readonly name: string;
  readonly resource: 'pods' | 'persistentvolumes' | 'persistentvolumeclaims';
  readonly operations: readonly ('CREATE' | 'UPDATE')[];
  /** Of an update: what must have changed for it to be asked about. */
  readonly changed: string;
  readonly variables: Readonly<Record<string, string>>;
  /** What must hold for each tenant. */
  readonly expression: string;
  readonly message: string;
}

const own = 'params.metadata.name';
const annotation = literal(classAnnotation);
const noGrant = 'no grant opens this';
/** What an object of a class says of it; the annotation is believed before the field. */
const classes = [
  "[has(object.spec.storageClassName) ? object.spec.storageClassName : '']",
  `(has(object.metadata.annotations) && ${annotation} in object.metadata.annotations ? [object.metadata.annotations[${annotation}]] : [])`,
].join(' + ');
const isDemanding = 'has(params.spec.encryptedStorageClasses)';
const undeclared = `${isDemanding} ? variables.classes.filter(class, !(class in params.spec.encryptedStorageClasses)) : []`;
const unencrypted = `'\`' + ${own} + '\` demands encrypted storage, and the storage class \`' + variables.undeclared[0] + '\` is not declared encrypted; use one of \`encryptedStorageClasses\` of the tenant: ${noGrant}'`;
const claimedBy =
  "has(object.spec.claimRef) && has(object.spec.claimRef.namespace) ? object.spec.claimRef.namespace : ''";

/** A volume that only grows was judged before. */
const isMoved = "object.spec.?claimRef.?namespace.orValue('') != oldObject.spec.?claimRef.?namespace.orValue('')";
const isReclassed = "object.spec.?storageClassName.orValue('') != oldObject.spec.?storageClassName.orValue('')";

const walls: readonly Wall[] = [
  {
    name: 'coffre-pods-name-no-storage',
    resource: 'pods',
    // The volumes of a pod do not change.
    operations: ['CREATE'],
    changed: 'false',
    variables: {
      closed: `has(object.spec.volumes) ? object.spec.volumes.filter(volume, !(${openSources.map((source) => `has(volume.${source})`).join(' || ')})) : []`,
    },
    expression: `request.namespace != ${own} || variables.closed.size() == 0`,
    message: `'the volume \`' + variables.closed[0].name + '\` names storage by itself, as hostPath, an inline CSI volume or a share does: nobody can tell whose data are there; mount a persistentVolumeClaim: ${noGrant}'`,
  },
  {
    name: 'coffre-volumes-are-no-node-directories',
    resource: 'persistentvolumes',
    operations: ['CREATE', 'UPDATE'],
    changed: 'object.spec != oldObject.spec',
    variables: { claimedBy },
    expression: `!has(object.spec.hostPath) || (variables.claimedBy != '' && variables.claimedBy != ${own})`,
    message: `'spec.hostPath: a directory of a node is open to a tenant: whatever any tenant leaves on the node lies beside it; use a storage class, or a local volume on named nodes: ${noGrant}'`,
  },
  {
    name: 'coffre-volumes-are-encrypted',
    resource: 'persistentvolumes',
    operations: ['CREATE', 'UPDATE'],
    changed: `${isMoved} || ${isReclassed}`,
    variables: { claimedBy, classes, undeclared },
    expression: `variables.claimedBy != ${own} || variables.undeclared.size() == 0`,
    message: unencrypted,
  },
  {
    name: 'coffre-claims-are-encrypted',
    resource: 'persistentvolumeclaims',
    operations: ['CREATE', 'UPDATE'],
    changed: isReclassed,
    variables: { classes, undeclared },
    expression: `request.namespace != ${own} || variables.undeclared.size() == 0`,
    message: unencrypted,
  },
];

const claimant = (it: string) => `${it}.spec.?claimRef.?namespace.orValue('') in ${literal(systemNamespaces)}`;
/** Of what no selector speaks, since it lives in no namespace; both what is written and what stood there must be the system's. */
const notOfTheSystem = {
  name: 'not-of-the-system',
  expression: `!(${claimant('object')} && (request.operation == 'CREATE' || ${claimant('oldObject')}))`,
};

/** Each policy, and what binds it. */
export function volumeAdmissionPolicies(): readonly (ValidatingAdmissionPolicy | ValidatingAdmissionPolicyBinding)[] {
  return walls.flatMap((wall) => [policyOf(wall), bindingOf(wall.name, ['Deny'])]);
}

function policyOf({
  name,
  resource,
  operations,
  changed,
  variables,
  expression,
  message,
}: Wall): ValidatingAdmissionPolicy {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: policyMetadata(name),
    spec: {
      failurePolicy: 'Fail',
      paramKind: tenantParam,
      matchConstraints: {
        namespaceSelector: outsideTheSystem,
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: [resource] }],
      },
      matchConditions: [
        { name: 'what-is-written', expression: `request.operation == 'CREATE' || ${changed}` },
        ...(resource === 'persistentvolumes' ? [notOfTheSystem] : []),
      ],
      variables: Object.entries(variables).map(([key, value]) => ({ name: key, expression: value })),
      validations: [{ expression, messageExpression: message, reason: 'Forbidden' }],
    },
  };
}
