/**
 * An API server of statuses, in memory: versions, terms and faults as a real one has them, and what was asked is counted.
 *
 * `term` is judged as the rule of our definitions does; `test/kube/status/*.kube.test.ts` hold both to the same.
 */
import type { Collection, KubeObject, Outcome } from '../../../src/kube/objects.ts';
import { isRecord } from '../../../src/model/prune.ts';

export class FakeApi {
  /** By `plural/namespace/name`. */
  readonly objects = new Map<string, KubeObject>();
  readonly asked = { reads: 0, writes: 0, atOnce: 0, atOnceMax: 0 };
  /** Asked for each request; nothing means that it passes. */
  spoil: (verb: 'read' | 'replace', name: string) => Outcome | undefined = () => undefined;
  /** Awaited before each answer. */
  before: () => Promise<void> = () => Promise.resolve();
  #version = 0;

  put(plural: string, object: KubeObject): KubeObject {
    this.#version += 1;
    const { metadata } = object;
    const kept = { ...object, metadata: { uid: 'u', generation: 1, ...metadata, resourceVersion: `${this.#version}` } };
    this.objects.set(`${plural}/${metadata.namespace ?? ''}/${metadata.name}`, kept);
    return kept;
  }

  read(of: Collection, name: string): Promise<Outcome> {
    this.asked.reads += 1;
    return this.#answer('read', name, () => {
      const object = this.objects.get(keyOf(of, name));
      return object === undefined ? { kind: 'missing' } : { kind: 'done', object };
    });
  }

  replace(of: Collection, object: KubeObject): Promise<Outcome> {
    this.asked.writes += 1;
    const { name, resourceVersion } = object.metadata;
    return this.#answer('replace', name, () => {
      const standing = this.objects.get(keyOf(of, name));
      if (standing === undefined) return { kind: 'missing' };
      if (standing.metadata.resourceVersion !== resourceVersion)
        return { kind: 'conflict', message: 'another version' };
      if (termOf(object) < termOf(standing)) {
        return { kind: 'refused', status: 422, message: 'a later leader has written this status' };
      }
      return { kind: 'done', object: this.put(of.plural, { ...standing, status: object['status'] }) };
    });
  }

  async #answer(verb: 'read' | 'replace', name: string, act: () => Outcome): Promise<Outcome> {
    this.asked.atOnce += 1;
    this.asked.atOnceMax = Math.max(this.asked.atOnceMax, this.asked.atOnce);
    await this.before();
    const outcome = this.spoil(verb, name) ?? act();
    this.asked.atOnce -= 1;
    return outcome;
  }
}

function keyOf({ plural, namespace = '' }: Collection, name: string): string {
  return `${plural}/${namespace}/${name}`;
}

function termOf({ status }: KubeObject): number {
  return isRecord(status) && typeof status['term'] === 'number' ? status['term'] : 0;
}
