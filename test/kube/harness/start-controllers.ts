/** The controllers of Kubernetes, for the tests that need what only they do: namespaces that go, owned objects that follow. */
import { join } from 'node:path';
import { freePort } from '../../fixtures/free-port.ts';
import type { Kube } from './kube.ts';
import { startProcess } from './process.ts';

/** No kubelet runs here, so none that waits for one. */
const controllers = [
  'namespace-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
];

/** @param more of them, by name. @returns what ends them. They act on the whole cluster, so a test that counts on their absence needs one of its own. */
export async function startControllers(kube: Kube, more: readonly string[] = []): Promise<() => Promise<void>> {
  const { folder } = kube;
  const { stop } = startProcess(
    'kube-controller-manager',
    [
      `--kubeconfig=${await kube.adminKubeconfig()}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      '--leader-elect=false',
      `--service-account-private-key-file=${join(folder, 'sa.key')}`,
      `--root-ca-file=${join(folder, 'ca.crt')}`,
      `--controllers=${[...controllers, ...more].join(',')}`,
    ],
    folder,
  );
  return stop;
}
