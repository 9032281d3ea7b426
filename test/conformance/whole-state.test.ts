/**
 * A state that refers to what is not there is never served: XDS-50.
 *
 * Where a server takes any state, its adapter looks first whether it is whole. Ours serves nothing but what our builders
 * made of a mesh, so the case is tried on a mesh: its author writes the broken reference, and hears of it.
 */
import { expect } from 'vitest';
import { fieldsNamed } from '../envoy/json.ts';
import { ControlPlane } from '../features/control-plane.ts';
import { Sidecar } from '../features/sidecar.ts';
import { documents } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { conform } from './conform.ts';
import { withEndpoints } from './contents.ts';
import { foreignServer } from './settings.ts';

const sentence =
  'a state that refers to what is not there is not served, what was served stays, and the author hears of it';

/** Two objects of atelier that name services which nobody wrote. */
const broken = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-nowhere, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: nowhere }, reason: reads }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: to-nowhere, namespace: atelier }
spec:
  parentRefs: [{ kind: Service, group: "", name: api }]
  rules: [{ backendRefs: [{ name: nowhere, port: 80 }] }]
`;

if (foreignServer === undefined) {
  conform('XDS-50', sentence, { protocols: ['delta'] }, async () => {
    const plane = await ControlPlane.start();
    try {
      await plane.write(twoTenants);
      const sidecar = await Sidecar.connect(plane, 'atelier/web-1', 'web');
      const held = sidecar.names('cluster');
      plane.mesh.said();
      await plane.write(documents(twoTenants, broken));
      expect(plane.mesh.said()).toContain('problem dangling-reference');
      expect(sidecar.names('cluster')).toEqual(held);
      // The route answers by itself where its backend is missing: it names no cluster that is not there.
      const routes = sidecar.names('route').map((name) => sidecar.held('route', name));
      const named = routes.flatMap((route) => fieldsNamed(route, 'cluster'));
      expect(held).toEqual(expect.arrayContaining(named));
      expect(JSON.stringify(routes)).not.toContain('nowhere');
      sidecar.close();
    } finally {
      await plane.stop();
    }
  });
} else {
  conform('XDS-50', sentence, {}, async (trial) => {
    await trial.set({ cluster: { X: withEndpoints }, endpoints: { X: '1' } });
    const session = trial.open();
    session.subscribeSilently('cluster');
    await trial.accept(session, 'cluster');
    session.subscribe('endpoints', ['X']);
    await trial.accept(session, 'endpoints');
    const faults = await trial.setChecked({ cluster: { X: withEndpoints, Y: withEndpoints }, endpoints: { X: '1' } });
    expect(faults).not.toEqual([]);
    await trial.silence(session);
    const whole = { cluster: { X: withEndpoints, Y: withEndpoints }, endpoints: { X: '1', Y: '1' } };
    expect(await trial.setChecked(whole)).toEqual([]);
    let answer = await session.next();
    if (answer.type === 'endpoints') answer = await session.next();
    expect(answer.resources).toHaveProperty('Y', withEndpoints);
  });
}
