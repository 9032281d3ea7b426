/** The containers that injection puts into a pod, among its init containers. Admission sees to it that nobody else's bear these names. */
export const sidecarName = 'coffre-sidecar';
export const redirectName = 'coffre-redirect';
export const containerNames: ReadonlySet<string> = new Set([sidecarName, redirectName]);
