/**
 * Messages to bytes, once for each content of the whole mesh: what is equal is one object, whoever it is for.
 *
 * Endpoints are known before they are built: the same list is told to the callers of several tenants.
 */
import { loadAssignment } from '../envoy/endpoint.ts';
import { serviceCluster } from '../envoy/names.ts';
import type { EnvoyResource } from '../envoy/resource.ts';
import type { OutboundPort } from '../policy/view.ts';
import type { Resource } from '../xds/resource.ts';
import { encoded } from './encode.ts';
import { type NamedResources, namedResources } from './named-form.ts';
import { WeakTable } from './weak-table.ts';

export class Encoder {
  private readonly known = new WeakTable<Resource>();
  private readonly lists = new WeakTable<readonly Resource[]>();
  private readonly counted: () => void;

  /** @param counted told of each resource that was built and turned into bytes. */
  constructor(counted: () => void) {
    this.counted = counted;
  }

  encode(built: EnvoyResource): Resource {
    this.counted();
    const resource = encoded(built);
    const name = `${resource.name}\n${resource.version}`;
    const same = this.known.get(name);
    if (same !== undefined) return same;
    this.known.set(name, resource);
    return resource;
  }

  encodeAll(built: readonly EnvoyResource[]): readonly Resource[] {
    return built.map((each) => this.encode(each));
  }

  /** Of what names one proxy and is the same of many but for that. */
  named(build: (name: string) => EnvoyResource): NamedResources {
    return namedResources(build, this.counted);
  }

  /** @param name all that `make` reads, as text: whoever asks by the same name is given the same list. */
  encodeOnce(name: string, make: () => readonly EnvoyResource[]): readonly Resource[] {
    const same = this.lists.get(name);
    if (same !== undefined) return same;
    const made = this.encodeAll(make());
    this.lists.set(name, made);
    return made;
  }

  /** Where the endpoints of a port are. */
  assignment(port: OutboundPort): readonly Resource[] {
    const name = JSON.stringify([serviceCluster(port), port.serverSpiffeIds.length > 0, port.endpoints]);
    return this.encodeOnce(name, () => loadAssignment(port));
  }
}
