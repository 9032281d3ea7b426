import { setTimeout as sleep } from 'node:timers/promises';
import { customResourceDefinitions } from '../../../src/kube/crds/custom-resource-definitions.ts';
import type { Kube } from './kube.ts';

/** Longest wait until a new kind can be asked for, in ms. */
const establishedMaxMs = 60_000;
const lookMs = 50;
const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Teaches the API server our kinds, and waits until it answers for each. @throws with its words where it refuses one. */
export async function installDefinitions(kube: Kube): Promise<void> {
  const definitions = customResourceDefinitions();
  for (const definition of definitions) {
    const { status, body } = await kube.request('POST', definitionsPath, definition);
    if (status !== 201)
      throw new Error(`\`${definition.metadata.name}\` was refused: ${JSON.stringify(body, null, 1)}`);
  }
  const signal = AbortSignal.timeout(establishedMaxMs);
  for (const { spec } of definitions) {
    const path = `/apis/${spec.group}/${spec.versions[0]?.name}/${spec.names.plural}`;
    while ((await kube.request('GET', path)).status !== 200) await sleep(lookMs, undefined, { signal });
  }
}
