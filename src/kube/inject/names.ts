/** What is ours in a pod, by name. Nobody else may use these names; see `strip.ts` for what becomes of a pod that bears them already. */

export { containerNames, redirectName, sidecarName } from '../../model/own-containers.ts';

/** Who the pod is, and whom it believes: the token and the mesh's root. */
export const identityVolume = 'coffre-identity';
/** Where the sidecar keeps the socket of its admin interface. */
export const runVolume = 'coffre-run';
/** Nothing, where a service account's token for the API server would be: neither of our containers speaks to it. */
export const noTokenVolume = 'coffre-no-token';
export const volumeNames: ReadonlySet<string> = new Set([identityVolume, runVolume, noTokenVolume]);

/** ConfigMap of a tenant's namespace, written by the control plane; see `mesh-config-map.ts`. */
export const meshConfigMapName = 'coffre-mesh';

/** Every label and annotation under it is a statement to us, or of ours. */
export const ownPrefix = 'coffre.dev/';
/** Label: what the pod was injected by, so that those of an older revision can be selected. */
export const revisionLabel = 'coffre.dev/revision';
/** Annotation: the program that injected the pod. */
export const injectedByAnnotation = 'coffre.dev/injected-by';
/** Annotation: what the kubelet was to ask before it was told to ask the sidecar. */
export const probesAnnotation = 'coffre.dev/original-probes';
/** Annotation of an author who wants no sidecar: `disabled`. A wish, no right; see `opt-out.ts`. */
export const injectAnnotation = 'coffre.dev/inject';
export const captureAnnotation = 'coffre.dev/capture';
/** Annotation of a consent: whose it is; see `webhook/consents.ts`. */
export const approvedByAnnotation = 'coffre.dev/approved-by';
