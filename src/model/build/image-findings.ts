/**
 * What keeps a pod from an identity where its tenant says what pods are made of: each container by itself.
 *
 *   container ──▶ read ──▶ from a listed registry ──▶ by digest ──▶ signed by a listed key ──▶ what the node runs is that
 *
 * The runtime pulls a digest or fails, so a reference with one says which bytes run. What the node reports is read where it
 * names another digest: an image can be changed in a living pod, and the one before may still run.
 * The containers of injection are not the tenant's: whoever installs the mesh answers for them.
 */
import { isFrom, readImageReference, reportedDigest } from '../image-reference.ts';
import type { PodObject } from '../kinds/pod.ts';
import { containerNames } from '../own-containers.ts';
import { quote, quoteList } from '../quote.ts';
import { isSignedBy, readPublicKey, readStatements, signaturesAnnotation } from '../signed-image.ts';
import type { ImageRules } from '../snapshot.ts';
import type { Finding } from '../sourced-object.ts';

type ImageFinding = Omit<Finding, 'severity'>;

const lists = [
  { containers: 'initContainers', statuses: 'initContainerStatuses' },
  { containers: 'containers', statuses: 'containerStatuses' },
  { containers: 'ephemeralContainers', statuses: 'ephemeralContainerStatuses' },
] as const;

type Container = NonNullable<PodObject['spec']['containers']>[number];

const consequence = 'so the pod gets no identity';

/** Most signatures of one pod that are verified, a fifth of a millisecond each: an author of rubbish costs 25 ms at most, and 16 images have their right key tried last. */
const verificationsMax = 128;

/** By pod, and the rules it was judged by: pods are looked at often. */
const known = new WeakMap<PodObject, { readonly rules: ImageRules; readonly findings: readonly ImageFinding[] }>();

/** @returns one for each container that may not be. */
export function imageFindings(pod: PodObject, rules: ImageRules): readonly ImageFinding[] {
  const before = known.get(pod);
  if (before?.rules === rules) return before.findings;
  const findings = findingsOf(pod, rules);
  known.set(pod, { rules, findings });
  return findings;
}

function findingsOf(pod: PodObject, rules: ImageRules): readonly ImageFinding[] {
  if ((pod.spec.containers ?? []).length === 0) return [nameless];
  const signed = signedDigests(pod, rules);
  return lists.flatMap(({ containers, statuses }) => {
    const running = new Map((pod.status?.[statuses] ?? []).map(({ name, imageID }) => [name, imageID]));
    return (pod.spec[containers] ?? []).flatMap((container, index) => {
      if (containers === 'initContainers' && containerNames.has(container.name ?? '')) return [];
      const refusal = refusalOf(container, running.get(container.name), rules, signed);
      if (refusal === undefined) return [];
      const [why, advice] = refusal;
      const path = `spec.${containers}[${index}].image`;
      const message = `the container ${quote(container.name ?? '')} ${why}, ${consequence}`;
      return [{ code: 'image-not-allowed', path, message, advice }];
    });
  });
}

function refusalOf(
  { image = '' }: Container,
  imageId: string | undefined,
  { registries, signers }: ImageRules,
  signed: ReadonlySet<string>,
): readonly [why: string, advice: string] | undefined {
  const reference = readImageReference(image);
  if (reference === undefined) {
    return [`names no image that can be read: ${quote(image)}`, 'write it as `registry.example/app@sha256:…`'];
  }
  const { repository, digest } = reference;
  if (!registries.some((registry) => isFrom(reference, registry))) {
    return [
      `runs ${quote(repository)}, which is from no registry of the tenant`,
      `take it from ${quoteList(registries)}, or add its registry to \`spec.images.registries\` of the tenant`,
    ];
  }
  if (digest === undefined) {
    return [
      `runs ${quote(image)}, a name that can be moved to other bytes`,
      `write ${quote(`${repository}@sha256:…`)} with the digest of the image that is meant`,
    ];
  }
  if (signers !== undefined && !signed.has(digest)) {
    return [
      `runs ${quote(repository)}, which none of the tenant’s keys has signed as it is`,
      `sign ${quote(digest)} with ${quoteList(signers.map(({ name }) => name))}, and put payload and signature into the annotation \`${signaturesAnnotation}\``,
    ];
  }
  const reported = reportedDigest(imageId ?? '');
  if (reported === undefined || reported === digest) return undefined;
  return [
    `is to run ${quote(digest)} and the node says that it runs ${quote(reported)}`,
    'wait until the container was started anew, or delete the pod; where the runtime always reports another digest, name the image by that one',
  ];
}

/** @returns the digests that one of the tenant's keys has signed. */
function signedDigests({ metadata }: PodObject, { signers = [] }: ImageRules): ReadonlySet<string> {
  const signed = new Set<string>();
  const annotation = metadata.annotations?.[signaturesAnnotation];
  if (annotation === undefined || signers.length === 0) return signed;
  const keys = signers.flatMap(({ publicKeyPem }) => readPublicKey(publicKeyPem) ?? []);
  let verifications = 0;
  for (const statement of readStatements(annotation)) {
    for (const key of keys) {
      if (signed.has(statement.digest) || verifications === verificationsMax) break;
      verifications += 1;
      if (isSignedBy(statement, key)) signed.add(statement.digest);
    }
  }
  return signed;
}

const nameless: ImageFinding = {
  code: 'image-not-allowed',
  path: 'spec.containers',
  message: `nothing says what the pod runs, and its tenant demands to know, ${consequence}`,
  advice: 'name its containers, each with its image by digest',
};
