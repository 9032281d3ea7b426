/**
 * What stays shut at a real listener although somebody wrote something: a policy that cannot be understood shuts all that
 * it selects, in proxy and worker, and a grant across environments opens nothing.
 *
 *   aurore/adele (prod) ◀── aurore/anton      her own tenant: let in by its default
 *                       ◀── bastion/berthe    granted, in the same environment or in another
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sniOf } from '../../src/envoy/names.ts';
import type { ProblemCode } from '../../src/model/problem.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { spiffeId } from '../fixtures/random-mesh.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { inLab } from './differential/in-lab.ts';
import { sendRaw } from './differential/raw-http.ts';
import { JudgedSidecar } from './sec/judged-sidecar.ts';

const mode = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, authorization: { mode: everyRequest } }
`;
const ours = documents(
  mode,
  tenant('aurore'),
  pod('aurore', 'adele', '10.1.0.1'),
  pod('aurore', 'anton', '10.1.0.2'),
  service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
);
const theirs = (environment: string) =>
  documents(tenant('bastion', `environment: ${environment}`), pod('bastion', 'berthe', '10.1.0.3'));

const policy = (spec: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: aurore }
spec: ${spec}
`;
const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: aurore }
spec: { from: { tenant: bastion }, to: { service: adele }, reason: berthe reads }
`;
/** Words of the other tenant in an access policy, which open no wall. */
const welcome = policy(`{ allow: [{ from: { tenants: [aurore, bastion] } }] }`);

const misspelt = 'deny: [{ too: { paths: ["/admin/*"] } }]';

inLab('a listener of one tenant', () => {
  let rig: JudgedSidecar;
  beforeAll(async () => {
    rig = await JudgedSidecar.start(meshFrom(ours));
  });
  afterAll(() => rig?.stop());

  /** A worker hears of changes only, so each mesh gives it other programs than the one before. */
  async function publish(mesh: string, problems: readonly ProblemCode[] = []): Promise<void> {
    const snapshot = meshFrom(mesh, problems);
    await rig.worker.teach(snapshot);
    await rig.sidecar.publish(rig.resources(snapshot));
  }

  async function answerTo(namespace: string, account: string): Promise<string> {
    const bytes = 'GET /ok HTTP/1.1\r\nHost: adele\r\nConnection: close\r\n\r\n';
    const options = { servername: sniOf(namespace), ALPNProtocols: ['http/1.1'] };
    const { answers, seen } = await sendRaw(
      { sidecar: rig.sidecar, app: rig.app, port: 8_080 },
      rig.callers.of(spiffeId(namespace, account)),
      bytes,
      options,
    );
    return [answers, ...seen.map(({ path }) => path)].join(' ');
  }

  describe('a policy that cannot be understood', () => {
    test.each([
      ['refuses what it selects', `{ ${misspelt} }`, '403'],
      ['refuses nobody under audit', `{ enforcement: Audit, ${misspelt} }`, '200 /ok'],
      ['refuses what it selects, though it was to be audited', `{ enforcment: Audit, ${misspelt} }`, '403'],
      ['refuses nobody beside its scope', `{ selector: { matchLabels: { app: anton } }, ${misspelt} }`, '200 /ok'],
    ])('%s', async (_what, spec, want) => {
      await publish(documents(ours, policy(spec)), ['unknown-field']);
      expect(await answerTo('aurore', 'anton')).toBe(want);
    });

    test('is told of a request that it would have refused, were it enforced', async () => {
      await publish(documents(ours, policy(`{ enforcement: Audit, ${misspelt} }`)), ['unknown-field']);
      expect(await answerTo('aurore', 'anton')).toBe('200 /ok');
      expect(rig.worker.observer.records.at(-1)).toMatchObject({ verdict: 'allow', audited: 'deny-rule' });
    });
  });

  describe('a caller of another tenant', () => {
    test.each([
      ['of the same environment is let in by a grant', [theirs('prod'), grant], [], '200 /ok'],
      ['of the same environment is not let in by a policy', [theirs('prod'), welcome], [], 'alert'],
      ['of another environment is not let in by a grant', [theirs('staging'), grant], ['environment-wall'], 'alert'],
      [
        'of another environment is not let in by both',
        [theirs('staging'), grant, welcome],
        ['environment-wall'],
        'alert',
      ],
    ] as const)('%s', async (_what, more, problems, want) => {
      await publish(documents(ours, ...more), problems);
      expect(await answerTo('bastion', 'berthe')).toBe(want);
      expect(await answerTo('aurore', 'anton')).toBe('200 /ok');
    });

    test('is shut out at the next connection when its tenant moves to another environment', async () => {
      await publish(documents(ours, theirs('prod'), grant));
      expect(await answerTo('bastion', 'berthe')).toBe('200 /ok');
      await publish(documents(ours, theirs('staging'), grant), ['environment-wall']);
      expect(await answerTo('bastion', 'berthe')).toBe('alert');
    });
  });
});
