/** One object before two judges: an API server with strict field validation, and the reader of a folder. */
import type { OurKind } from '../../../src/kube/crds/resource-facts.ts';
import { resourceFacts } from '../../../src/kube/crds/resource-facts.ts';
import { coffreGroup, kinds } from '../../../src/model/kinds/catalogue.ts';
import { readObject } from '../../../src/model/read-object.ts';
import { joinPath } from '../../../src/model/schema-paths.ts';
import type { Kube } from '../harness/kube.ts';
import type { AuthoredObject } from './random-objects.ts';

export interface Judged extends AuthoredObject {
  readonly server: 'takes' | 'refuses';
  readonly serverSays: string;
  /** As the server would keep it; of no use where it refuses. */
  readonly stored: unknown;
  /** Paths of what the reader finds wrong; empty where it takes the object. */
  readonly problems: readonly string[];
}

/** Requests under way at once. */
const together = 16;

export async function judgeAll(kube: Kube, namespace: string, objects: readonly AuthoredObject[]): Promise<Judged[]> {
  const judged: Judged[] = [];
  const waiting = objects.values();
  const work = async () => {
    for (const each of waiting) judged.push(await judge(kube, namespace, each));
  };
  await Promise.all(Array.from({ length: together }, work));
  return judged;
}

/** @throws where the server neither takes nor refuses. */
export async function judge(kube: Kube, namespace: string, { kind, object }: AuthoredObject): Promise<Judged> {
  const placed = inNamespace(kind, object, namespace);
  const path = `${pathOf(kind, namespace)}?dryRun=All&fieldValidation=Strict`;
  const { status, body } = await kube.request('POST', path, placed);
  if (![201, 400, 422].includes(status)) throw new Error(`the API server answered ${status}: ${JSON.stringify(body)}`);
  const read = readObject(placed, { file: 'object', line: 1 });
  return {
    kind,
    object: placed,
    server: status === 201 ? 'takes' : 'refuses',
    serverSays: status === 201 ? '' : messageOf(body),
    stored: body,
    problems: read.problems.map((problem) => problem.path),
  };
}

/** Paths of the fields that hold `null`. */
export function nullPaths(value: unknown, path = ''): string[] {
  if (value === null) return [path];
  if (Array.isArray(value)) return value.flatMap((item, index) => nullPaths(item, joinPath(path, index)));
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, field]) => nullPaths(field, joinPath(path, key)));
}

function inNamespace(kind: OurKind, object: Record<string, unknown>, namespace: string): Record<string, unknown> {
  const { metadata } = object;
  const place = kinds[kind].scope === 'cluster' ? {} : { namespace };
  return { ...object, metadata: { ...(typeof metadata === 'object' ? metadata : {}), ...place } };
}

function pathOf(kind: OurKind, namespace: string): string {
  const { scope, version } = kinds[kind];
  const place = scope === 'cluster' ? '' : `/namespaces/${namespace}`;
  return `/apis/${coffreGroup}/${version}${place}/${resourceFacts[kind].plural}`;
}

function messageOf(body: unknown): string {
  return typeof body === 'object' && body !== null ? String(Reflect.get(body, 'message')) : String(body);
}
