/**
 * Rules that an API server holds by itself, each about one tenant and bound to all of them.
 *
 *   policy, with a Tenant as its parameter ◀──policyName── binding to every Tenant ──▶ refused | told
 */
import { coffreGroup, kinds } from '../model/kinds/catalogue.ts';
import { systemNamespace } from '../model/system-namespace.ts';

/** Of `admissionregistration.k8s.io/v1`, as far as it is used. */
export interface ValidatingAdmissionPolicy {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicy';
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly failurePolicy: 'Fail';
    readonly paramKind: { readonly apiVersion: string; readonly kind: string };
    readonly matchConstraints: { readonly namespaceSelector: object; readonly resourceRules: readonly object[] };
    readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
    readonly validations: readonly {
      readonly expression: string;
      readonly messageExpression: string;
      readonly reason: 'Forbidden';
    }[];
  };
}

export interface ValidatingAdmissionPolicyBinding {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicyBinding';
  readonly metadata: ObjectMeta;
  readonly spec: object;
}

interface ObjectMeta {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export const tenantParam: { readonly apiVersion: string; readonly kind: string } = {
  apiVersion: `${coffreGroup}/${kinds.Tenant.version}`,
  kind: 'Tenant',
};

/** Kubernetes' own, and ours. */
export const systemNamespaces: readonly string[] = ['kube-system', systemNamespace];

/** By a label that is the API server's own, so nobody can give or take it. */
export const outsideTheSystem: object = {
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: systemNamespaces }],
};

export function policyMetadata(name: string): ObjectMeta {
  return { name, labels: { 'app.kubernetes.io/part-of': 'coffre' } };
}

/** @param name of the policy, and of what binds it. @param actions what becomes of a write that breaks it. */
export function bindingOf(
  name: string,
  actions: readonly ('Deny' | 'Warn' | 'Audit')[],
): ValidatingAdmissionPolicyBinding {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: policyMetadata(name),
    spec: {
      policyName: name,
      validationActions: actions,
      // Every tenant; where there is none, there is nobody to wall off.
      paramRef: { selector: {}, parameterNotFoundAction: 'Allow' },
    },
  };
}
