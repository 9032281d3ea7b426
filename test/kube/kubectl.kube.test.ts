/** What people see through `kubectl`: every sample is taken, `kubectl get coffre` shows it, `kubectl explain` explains it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ourKinds } from '../../src/kube/crds/custom-resource-definitions.ts';
import { resourceFacts } from '../../src/kube/crds/resource-facts.ts';
import type { SourceSchema } from '../../src/kube/crds/structural-schema.ts';
import { coffreGroup, kinds } from '../../src/model/kinds/catalogue.ts';
import { completeObjects, otherForms } from '../model/complete-objects.ts';
import { moreObjects } from './differential/more-objects.ts';
import { installDefinitions } from './harness/install-definitions.ts';
import { connectKube, type Kube } from './harness/kube.ts';
import { whereKube } from './harness/kube-test.ts';
import { type RunningCluster, startKube } from './harness/start-kube.ts';
import { type Sample, samplesIn } from './samples.ts';

const golden = join(import.meta.dirname, 'golden/kubectl');
const demo = samplesIn('deploy/demo', 'src/lab/demo/edits');
const pages = samplesIn('docs');

// A cluster of its own: what is shown is all that is there.
whereKube('kubectl', () => {
  let cluster: RunningCluster;
  let kube: Kube;

  beforeAll(async () => {
    cluster = await startKube();
    kube = connectKube(cluster);
    await installDefinitions(kube);
    const namespaces = new Set(['shop', ...[...demo, ...pages].flatMap(({ metadata }) => metadata.namespace ?? [])]);
    for (const name of namespaces) await kubectl(['create', 'namespace', name]);
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  async function kubectl(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await kube.kubectl(args, { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  test('every object of the demo is applied, and shown by its category', async () => {
    expect(demo.length).toBeGreaterThan(5);
    await kubectl(['apply', '--validate=strict', '-f', '-'], yamlOf(demo));
    const shown = await kubectl(['get', 'coffre', '--all-namespaces']);
    // Ages are of the clock.
    const ageless = shown.replaceAll(/\b\d+[smh] *$/gm, '…').replaceAll(/ +$/gm, '');
    await expect(ageless).toMatchFileSnapshot(join(golden, 'get-coffre.txt'));
  });

  test('every whole object that a page shows is applied', async () => {
    expect(pages.length).toBeGreaterThan(0);
    await kubectl(['apply', '--validate=strict', '-f', '-'], yamlOf(pages));
  });

  test.each(ourKinds)('%s is applied with every field, and again without a change', async (kind) => {
    const texts = [
      completeObjects[kind],
      ...otherForms.filter((form) => form.kind === kind).map(({ text }) => text),
      ...moreObjects.filter((text) => text.includes(`kind: ${kind}\n`)),
    ];
    // An API server says itself when an object came to be.
    for (const text of texts.map((each) => each.replace(/^ *creationTimestamp: .*\n/m, ''))) {
      await kubectl(['apply', '--validate=strict', '-f', '-'], text);
      expect(await kubectl(['apply', '--validate=strict', '-f', '-'], text)).toContain('unchanged');
    }
  });

  test.each(ourKinds)('%s is explained in the words of its schema', async (kind) => {
    const { properties = {} } = (kinds[kind].schema as SourceSchema).properties?.['spec'] ?? {};
    const text = await kubectl(['explain', `${resourceFacts[kind].plural}.${coffreGroup}.spec`]);
    const untold = Object.values(properties).filter(({ description = '' }) => !flat(text).includes(flat(description)));
    expect(untold).toEqual([]);
    expect(Object.keys(properties)).not.toEqual([]);
  });

  test('a short name is enough', async () => {
    expect(await kubectl(['get', 'tn,ap,dc,dr', '-n', 'atelier', '-o', 'name'])).toContain('tenant.coffre.dev/atelier');
  });

  test('`kubectl wait` hears a condition of the status, which a change of the spec cannot write', async () => {
    const patch = (subresource: readonly string[]) => {
      const condition = {
        type: 'Programmed',
        status: 'True',
        reason: 'Acknowledged',
        message: '3 of 3 proxies',
        lastTransitionTime: '2027-01-31T18:00:00Z',
      };
      const text = JSON.stringify({ status: { conditions: [condition] } });
      return kubectl(['patch', 'tenant', 'atelier', '--type=merge', ...subresource, `--patch=${text}`]);
    };
    const wait = ['wait', '--for=condition=Programmed', 'tenant/atelier', '--timeout=1s'];
    await patch([]);
    expect((await kube.kubectl(wait)).stderr).toContain('timed out');
    await patch(['--subresource=status']);
    expect(await kubectl(wait)).toContain('condition met');
  });

  describe('a mistake', () => {
    test.each([
      ['an unknown field', 'serviceAccounts', 'serviceAcounts', 'unknown field "spec.from.serviceAcounts"'],
      ['a day that no month has', '2027-01-31', '2027-02-30', 'no moment of the calendar: write a date that exists'],
      ['an empty list', '- invoicer', '', 'spec.from.serviceAccounts'],
    ])('%s is told', async (_name, from, to, says) => {
      const text = completeObjects.Grant.replace(from, to).replace(
        'serviceAccounts:\n      \n',
        'serviceAccounts: []\n',
      );
      const { code, stderr } = await kube.kubectl(['apply', '--validate=strict', '-f', '-'], { input: text });
      expect(code).toBe(1);
      expect(stderr).toContain(says);
    });
  });

  test('somebody with a certificate may do nothing until RBAC says so', async () => {
    const alice = await kube.newUser('alice', ['shop-people']);
    const may = () => kube.kubectl(['auth', 'can-i', 'create', 'grants', '-n', 'shop'], { as: alice });
    expect((await may()).stdout.trim()).toBe('no');
    await kubectl(['create', 'role', 'granting', '-n', 'shop', '--verb=create', '--resource=grants.coffre.dev']);
    await kubectl(['create', 'rolebinding', 'granting', '-n', 'shop', '--role=granting', '--group=shop-people']);
    expect((await may()).stdout.trim()).toBe('yes');
  });
});

function yamlOf(objects: readonly Sample[]): string {
  return objects.map((object) => stringify(object)).join('---\n');
}

/** `kubectl` breaks lines where it likes. */
function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
