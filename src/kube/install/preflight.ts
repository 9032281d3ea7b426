/**
 * What stands in the way of an installation, found before anything of it is written.
 *
 *   version ▸ namespace ▸ whose each object is ▸ what the caller may do ──▶ obstacles, and what is there already
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import type { Collection, KubeObject, KubeObjects } from '../objects.ts';
import { collectionOf } from './collection-of.ts';
import { partOf } from './parts.ts';
import { kubernetesMin } from './requirements.ts';

/** Why something of an installation cannot be done: where, what, and what to do. */
export interface Obstacle {
  /** `KIND/NAME`, or of whom it is. */
  readonly where: string;
  readonly message: string;
  readonly advice: string;
}

export interface Found {
  readonly obstacles: readonly Obstacle[];
  /** What is there of each object; whatever is not, is missing. */
  readonly standing: ReadonlyMap<KubeObject, KubeObject>;
}

/** What is done to each object of an installation. */
const verbs = ['get', 'create', 'patch'] as const;
const reviews: Collection = { group: 'authorization.k8s.io', version: 'v1', plural: 'selfsubjectaccessreviews' };

/** @param version as the API server says at `/version`. */
export async function preflight(
  wanted: readonly KubeObject[],
  version: { readonly major: string; readonly minor: string },
  objects: KubeObjects,
): Promise<Found> {
  const old = versionObstacle(version);
  if (old !== undefined) return { obstacles: [old], standing: new Map() };
  const denied = await rightsObstacles(wanted, objects);
  if (denied.length > 0) return { obstacles: denied, standing: new Map() };
  const obstacles: Obstacle[] = [];
  const standing = new Map<KubeObject, KubeObject>();
  for (const object of wanted) {
    const outcome = await objects.read(collectionOf(object), object.metadata.name);
    if (outcome.kind === 'done') {
      standing.set(object, outcome.object);
      obstacles.push(...standingObstacles(object, outcome.object));
    } else if (outcome.kind !== 'missing') {
      const advice = 'see that the API server is well, and install again: nothing was written';
      obstacles.push({ where: nameOf(object), message: outcome.message, advice });
    }
  }
  return { obstacles, standing };
}

export function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.name}`;
}

function versionObstacle({ major, minor }: { readonly major: string; readonly minor: string }): Obstacle | undefined {
  // Managed clusters write `31+`.
  const [ours, theirs] = [kubernetesMin.minor, Number.parseInt(minor, 10)];
  if (Number(major) > kubernetesMin.major || (Number(major) === kubernetesMin.major && theirs >= ours))
    return undefined;
  return {
    where: 'the API server',
    message: `it is Kubernetes ${major}.${minor}, which does not know all that Coffre asks of it`,
    advice: `upgrade the cluster to ${kubernetesMin.major}.${ours} or newer`,
  };
}

async function rightsObstacles(wanted: readonly KubeObject[], objects: KubeObjects): Promise<readonly Obstacle[]> {
  const collections = new Map(wanted.map((object) => [JSON.stringify(collectionOf(object)), collectionOf(object)]));
  const denied: Obstacle[] = [];
  for (const { group, version, plural, namespace } of collections.values()) {
    const lacking: string[] = [];
    for (const verb of verbs) {
      const resourceAttributes = {
        group,
        version,
        resource: plural,
        verb,
        ...(namespace === undefined ? {} : { namespace }),
      };
      const spec = { resourceAttributes };
      const outcome = await objects.create(reviews, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec,
      });
      const status = outcome.kind === 'done' ? (outcome.object['status'] as { readonly allowed?: boolean }) : {};
      if (status.allowed !== true) lacking.push(verb);
    }
    if (lacking.length === 0) continue;
    denied.push({
      where: group === '' ? plural : `${plural}.${group}`,
      message: `you may not ${lacking.join(', ')} them${namespace === undefined ? '' : ` in \`${namespace}\``}`,
      advice: 'install as somebody who administers the cluster: nothing was written',
    });
  }
  return denied;
}

/** Somebody else's object of one of our names would be changed under its owner's hands. */
function standingObstacles(object: KubeObject, there: KubeObject): readonly Obstacle[] {
  const where = nameOf(object);
  if (Object.hasOwn(there.metadata, 'deletionTimestamp')) {
    const advice = `wait until it is gone (\`kubectl get ${where}\`), and install again: nothing was written`;
    return [{ where, message: 'it is being deleted, and so would be whatever is put there', advice }];
  }
  const mayBeAnybodys =
    object.kind === 'Mesh' || (object.kind === 'Namespace' && object.metadata.name === systemNamespace);
  const [[label, ours]] = Object.entries(partOf) as [[string, string]];
  if (mayBeAnybodys || there.metadata.labels?.[label] === ours) return [];
  return [
    {
      where,
      message: `somebody else’s object has this name: it has no label \`${label}: ${ours}\``,
      advice: `find out whose it is; if it is what is left of a former Coffre, label it or delete it: nothing was written`,
    },
  ];
}
