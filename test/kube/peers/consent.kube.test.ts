/** Who may have a drill run in a cluster, and who may not: consent is an object, and who may write it RBAC says. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { roles } from '../../../src/kube/install/roles.ts';
import { hasEnded, isEffective } from '../../../src/lab/drill-control.ts';
import type { User } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { consentText, DrilledMesh, drill, patience } from './drilled-mesh.ts';
import { longMs } from './replicas.ts';

const halves = {
  asTarget: consentText.replace(/\n {2}asCaller:.*/, ''),
  asCaller: consentText.replace(/\n {2}asTarget:.*/, '').replace('game-day', 'as-caller'),
};

function bound(kind: 'RoleBinding' | 'ClusterRoleBinding', role: string, { name }: User): string {
  return stringify({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name: `${role}-of-test`, ...(kind === 'RoleBinding' ? { namespace: 'shop' } : {}) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
  });
}

whereKube('a drill that is applied', () => {
  let mesh: DrilledMesh;
  let ana: User;
  let operator: User;

  beforeAll(async () => {
    mesh = await DrilledMesh.start();
    [ana, operator] = [await mesh.kube.newUser('ana'), await mesh.kube.newUser('operator')];
    const installed = roles.filter(
      ({ metadata: { name } }) => name === 'coffre-tenant-editor' || name === 'coffre-drill-operator',
    );
    const bindings = [
      bound('RoleBinding', 'coffre-tenant-editor', ana),
      bound('ClusterRoleBinding', 'coffre-drill-operator', operator),
    ];
    await mesh.kubectl(['apply', '-f', '-'], [...installed.map((role) => stringify(role)), ...bindings].join('---\n'));
    await mesh.replicas.all[0].drills.whole(longMs);
  }, 3 * longMs);
  afterAll(() => mesh?.close());

  const struck = async () => (await Promise.all(mesh.web.map(({ key }) => mesh.replicas.struck(key)))).flat();
  const planned = () => mesh.replicas.all[0].drills.plan(drill).then(() => 'planned', String);
  const phase = () => mesh.kubectl(['get', '-n', 'shop', 'drill.coffre.dev/breaker', '-o', 'jsonpath={.status.phase}']);
  const apply = (text: string, as: User) => mesh.kubectl(['apply', '-f', '-'], text, as);

  test('is declared and starts nothing, with every consent that it needs', async () => {
    await expect.poll(phase, patience(longMs)).toBe('declared');
    expect(await planned()).toBe('planned');
    const text = await mesh.kubectl(['get', '-n', 'shop', 'drill.coffre.dev/breaker', '-o', 'yaml']);
    // Its version moves with each status that is written meanwhile.
    const unversioned = text.replace(/^ {2}resourceVersion: .*\n/m, '');
    await apply(unversioned.replace('the callers of api go on', 'nobody notices'), operator);
    await expect.poll(() => mesh.replicas.all[0].drills.plan(drill).then(({ hash }) => hash)).toBeTypeOf('string');
    await expect.poll(phase, patience(longMs)).toMatch(/declared|planned/);
    expect(await struck()).toEqual([]);
  });

  test('is refused until the tenant’s own people have consented, to either side of it', async () => {
    await mesh.kubectl(['delete', '-n', 'shop', 'drillconsent.coffre.dev/game-day'], '', ana);
    await expect.poll(planned, patience(longMs)).toContain('has consented to nothing');
    for (const text of [consentText, ...Object.values(halves)]) {
      await expect(apply(text, operator)).rejects.toThrow(/Forbidden|cannot (get|create|patch)/);
    }
    expect(await planned()).toContain('has consented to nothing');
    await apply(halves.asTarget, ana);
    await expect.poll(planned, patience(longMs)).toMatch(/whose callers feel it, has not consented to this/);
    await apply(halves.asCaller, ana);
    await expect.poll(planned, patience(longMs)).toBe('planned');
  });

  test('ends as the tenant’s people take their consent back with `kubectl`', async () => {
    const { drills } = mesh.replicas.all[0];
    await drills.begin(drill);
    await drills.until(drill, 'a fault on both', longMs, isEffective);
    await expect.poll(phase, patience(longMs)).toBe('running');
    await mesh.kubectl(['delete', '-n', 'shop', 'drillconsent.coffre.dev/as-caller'], '', ana);
    const { phase: last, reason } = await drills.until(drill, 'its end', longMs, hasEnded);
    expect(last).toBe('aborted');
    expect(reason).toContain('whose callers feel it');
    expect(await struck()).toEqual([]);
    await expect.poll(phase, patience(longMs)).toBe('aborted');
    await apply(halves.asCaller, ana);
  });

  test('ends as somebody pulls the lever in the mesh, and none begins until it is put back', async () => {
    const { drills } = mesh.replicas.all[0];
    await expect.poll(planned, patience(longMs)).toBe('planned');
    await drills.begin(drill);
    await drills.until(drill, 'a fault on both', longMs, isEffective);
    const lever = (halted: boolean) =>
      mesh.kubectl([
        'patch',
        'mesh.coffre.dev/default',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { drills: { halted } } }),
      ]);
    await lever(true);
    expect((await drills.until(drill, 'its end', longMs, hasEnded)).reason).toContain('the lever is pulled in `Mesh`');
    expect(await struck()).toEqual([]);
    expect(await planned()).toContain('the lever is pulled in `Mesh`');
    await lever(false);
    await expect.poll(planned, patience(longMs)).toBe('planned');
  });
});
