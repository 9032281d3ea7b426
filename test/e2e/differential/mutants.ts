/** Errors that an emitter could make, each a small change of what it emitted. The comparison must see every one. */
import { create } from '@bufbuild/protobuf';
import { type Permission, type Principal, PrincipalSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { RbacRules } from '../../../src/envoy/rbac.ts';
import { exact, prefix, type StringMatch } from '../../../src/envoy/string-match.ts';
import type { RulesEdit } from './edit-routes.ts';

export const mutants: Readonly<Record<string, RulesEdit>> = {
  'deny rules are dropped': ({ deny }) => {
    deny.policies = {};
  },
  'an allow rule is anyone’s': ({ allow }) => {
    for (const policy of Object.values(allow.policies)) {
      policy.principals = [create(PrincipalSchema, { identifier: { case: 'any', value: true } })];
    }
  },
  'an identity is taken for its tenant': ({ allow }) => {
    for (const principal of principalsIn(allow)) {
      if (principal.identifier.case !== 'authenticated') continue;
      const { matchPattern } = principal.identifier.value.principalName ?? {};
      if (matchPattern?.case !== 'exact') continue;
      const value = matchPattern.value.replace(/[^/]*$/, '').replace('/sa/', '/');
      principal.identifier.value.principalName = prefix(value);
    }
  },
  'only the first of several callers is heard': ({ allow }) => {
    for (const policy of Object.values(allow.policies)) policy.principals.splice(1);
  },
  'an exact path is taken for a prefix': everyPath(({ matchPattern }) =>
    matchPattern.case === 'exact' ? prefix(matchPattern.value) : undefined,
  ),
  'a subtree ends without a boundary': everyPath(({ matchPattern }) =>
    matchPattern.case === 'prefix' ? prefix(matchPattern.value.replace(/(?<=.)[/;]$/, '')) : undefined,
  ),
  'a deny goes by letters alone': everyPath(({ matchPattern }) =>
    matchPattern.case === 'contains' ? exact('*') : undefined,
  ),
  'a path with two readings is let through': ({ deny }) => {
    delete deny.policies['coffre/unclean-path'];
  },
  'a subtree forgets what lies below': everyPath(({ matchPattern }) =>
    matchPattern.case === 'prefix' && matchPattern.value.endsWith('/') ? exact('*') : undefined,
  ),
  'paths are compared without case': everyPath((path) =>
    path.matchPattern.case === 'safeRegex' ? undefined : { ...path, ignoreCase: true },
  ),
  'paths are dropped': everyPermission((permission) => {
    if (permission.rule.case === 'urlPath') permission.rule = { case: 'any', value: true };
  }),
  'methods are dropped': everyPermission((permission) => {
    if (permission.rule.case === 'header') permission.rule = { case: 'any', value: true };
  }),
  'one of method and path is enough': everyPermission((permission) => {
    if (permission.rule.case === 'andRules') permission.rule = { case: 'orRules', value: permission.rule.value };
  }),
  'only the first of several methods or paths is heard': everyPermission((permission) => {
    if (permission.rule.case === 'orRules') permission.rule.value.rules.splice(1);
  }),
  'a grant never ends': ({ allow }) => {
    for (const policy of Object.values(allow.policies)) delete policy.condition;
  },
};

function everyPermission(edit: (permission: Permission) => void): RulesEdit {
  return ({ deny, allow }) => {
    for (const permission of [...permissionsIn(deny), ...permissionsIn(allow)]) edit(permission);
  };
}

/** @param edit returns what to write instead; undefined leaves the path as it is. */
function everyPath(edit: (path: StringMatch) => StringMatch | undefined): RulesEdit {
  return everyPermission(({ rule }) => {
    if (rule.case !== 'urlPath' || rule.value.rule.case !== 'path') return;
    rule.value.rule.value = edit(rule.value.rule.value) ?? rule.value.rule.value;
  });
}

function permissionsIn({ policies }: RbacRules): readonly Permission[] {
  const below = (permission: Permission): Permission[] => {
    const { rule } = permission;
    const parts = rule.case === 'andRules' || rule.case === 'orRules' ? rule.value.rules : [];
    return [permission, ...parts.flatMap(below)];
  };
  return Object.values(policies).flatMap(({ permissions }) => permissions.flatMap(below));
}

function principalsIn({ policies }: RbacRules): readonly Principal[] {
  return Object.values(policies).flatMap(({ principals }) => principals);
}
