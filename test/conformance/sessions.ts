/** The two spellings of `Session`. */
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { typeUrls } from '../../src/xds/type-url.ts';
import { GrpcStream } from '../xds/grpc-stream.ts';
import { otherType, typeUrlOf } from '../xds/resources.ts';
import type { Answer, Known, Session, TypeName } from './session.ts';

export type SessionKind = 'sotw' | 'delta';

export function openSession(kind: SessionKind, address: string, nodeId: string): Session {
  return kind === 'sotw' ? new SotwSession(address, nodeId) : new DeltaSession(address, nodeId);
}

export function openSotwStream(address: string) {
  return new GrpcStream(address, 'StreamAggregatedResources', DiscoveryRequestSchema, DiscoveryResponseSchema);
}

export function openDeltaStream(address: string) {
  const method = 'DeltaAggregatedResources';
  return new GrpcStream(address, method, DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema);
}

const typeNames = new Map<string, string>([
  ...Object.entries(typeUrls).map(([short, url]) => [url, short] as const),
  [otherType, 'other'],
]);

function shortOf(typeUrl: string): string {
  return typeNames.get(typeUrl) ?? typeUrl;
}

function contentOf({ value }: Any): readonly [string, string] {
  const [name = '', content = ''] = Buffer.from(value).toString().split('=');
  return [name, content];
}

/** `google.rpc.Code.INVALID_ARGUMENT`. */
const rejected = 3;

interface SotwFields {
  readonly versionInfo?: string;
  readonly responseNonce?: string;
  readonly errorDetail?: { readonly code: number; readonly message: string };
}

interface DeltaFields {
  readonly resourceNamesSubscribe?: string[];
  readonly resourceNamesUnsubscribe?: string[];
  readonly initialResourceVersions?: Record<string, string>;
  readonly responseNonce?: string;
  readonly errorDetail?: { readonly code: number; readonly message: string };
}

class SotwSession implements Session {
  private readonly stream;
  private readonly nodeId: string;
  private first = true;
  private readonly asked = new Map<string, { names: string[]; nonce: string; version: string }>();

  constructor(address: string, nodeId: string) {
    this.stream = openSotwStream(address);
    this.nodeId = nodeId;
  }

  get status() {
    return this.stream.status;
  }

  private state(type: string) {
    const state = this.asked.get(type) ?? { names: [], nonce: '', version: '' };
    this.asked.set(type, state);
    return state;
  }

  private request(type: TypeName, init: SotwFields): void {
    const { names, nonce, version } = this.state(type);
    this.stream.send({
      ...(this.first ? { node: { id: this.nodeId } } : {}),
      typeUrl: typeUrlOf(type),
      resourceNames: names,
      responseNonce: nonce,
      versionInfo: version,
      ...init,
    });
    this.first = false;
  }

  subscribeSilently(type: TypeName, known: Known = {}): void {
    this.request(type, { versionInfo: known.version ?? '', responseNonce: known.nonce ?? '' });
  }

  subscribe(type: TypeName, names: readonly string[], known: Known = {}): void {
    const state = this.state(type);
    state.names = [...new Set([...state.names, ...names])];
    state.version = known.version ?? state.version;
    state.nonce = known.nonce ?? state.nonce;
    this.request(type, {});
  }

  unsubscribe(type: TypeName, names: readonly string[]): void {
    const state = this.state(type);
    state.names = state.names.filter((name) => !names.includes(name));
    this.request(type, {});
  }

  async next(): Promise<Answer> {
    const { typeUrl, nonce, versionInfo, resources } = await this.stream.next();
    const contents = resources.map(contentOf);
    if (new Set(contents.map(([name]) => name)).size < contents.length) throw new Error('a name occurs twice');
    const versions = Object.fromEntries(contents.map(([name]) => [name, versionInfo]));
    const named = Object.fromEntries(contents);
    return { type: shortOf(typeUrl), nonce, version: versionInfo, resources: named, versions, removed: [] };
  }

  ack({ type, nonce, version }: Answer): void {
    Object.assign(this.state(type), { nonce, version });
    this.request(type as TypeName, {});
  }

  nack({ type, nonce }: Answer, message: string, alsoSubscribe: readonly string[] = []): void {
    const state = this.state(type);
    Object.assign(state, { nonce, names: [...state.names, ...alsoSubscribe] });
    this.request(type as TypeName, { errorDetail: { code: rejected, message } });
  }

  subscribeWithNonce(type: TypeName, names: readonly string[], nonce: string): void {
    const state = this.state(type);
    state.names = [...state.names, ...names];
    this.request(type, { responseNonce: nonce });
  }

  close(): void {
    this.stream.close();
  }
}

class DeltaSession implements Session {
  private readonly stream;
  private readonly nodeId: string;
  private first = true;

  constructor(address: string, nodeId: string) {
    this.stream = openDeltaStream(address);
    this.nodeId = nodeId;
  }

  get status() {
    return this.stream.status;
  }

  private request(type: string, init: DeltaFields): void {
    const node = this.first ? { node: { id: this.nodeId } } : {};
    this.stream.send({ ...node, typeUrl: typeUrlOf(type as TypeName), ...init });
    this.first = false;
  }

  subscribeSilently(type: TypeName, known: Known = {}): void {
    this.request(type, { initialResourceVersions: { ...known.versions }, responseNonce: known.nonce ?? '' });
  }

  subscribe(type: TypeName, names: readonly string[], known: Known = {}): void {
    this.request(type, {
      resourceNamesSubscribe: [...names],
      initialResourceVersions: { ...known.versions },
      responseNonce: known.nonce ?? '',
    });
  }

  unsubscribe(type: TypeName, names: readonly string[]): void {
    this.request(type, { resourceNamesUnsubscribe: [...names] });
  }

  async next(): Promise<Answer> {
    const { typeUrl, nonce, systemVersionInfo, resources, removedResources } = await this.stream.next();
    if (new Set(resources.map(({ name }) => name)).size < resources.length) throw new Error('a name occurs twice');
    const contents = resources.map(({ resource }) => (resource === undefined ? ['', ''] : contentOf(resource)));
    const versions = Object.fromEntries(resources.map(({ name, version }) => [name, version]));
    return {
      type: shortOf(typeUrl),
      nonce,
      version: systemVersionInfo,
      resources: Object.fromEntries(contents),
      versions,
      removed: removedResources,
    };
  }

  ack({ type, nonce }: Answer): void {
    this.request(type, { responseNonce: nonce });
  }

  nack({ type, nonce }: Answer, message: string, alsoSubscribe: readonly string[] = []): void {
    const errorDetail = { code: rejected, message };
    this.request(type, { responseNonce: nonce, errorDetail, resourceNamesSubscribe: [...alsoSubscribe] });
  }

  subscribeWithNonce(type: TypeName, names: readonly string[], nonce: string): void {
    this.request(type, { resourceNamesSubscribe: [...names], responseNonce: nonce });
  }

  close(): void {
    this.stream.close();
  }
}
