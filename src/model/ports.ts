/** Ports of the sidecar itself: redirected to or reserved, and so never declared by a service. */

/** Every outbound TCP connection of the pod is redirected here. */
export const outboundCapturePort = 15_001;
/** Every inbound TCP connection of the pod is redirected here. */
export const inboundCapturePort = 15_006;
/** Where the control plane, and nobody else, asks a sidecar what it holds. */
export const inspectionPort = 15_004;
/** Where the control plane, and the scrapers that the mesh names, read the statistics of a sidecar. */
export const statisticsPort = 15_005;
/** Where the kubelet, in plaintext, asks a sidecar how its application is; in a cluster only. */
export const healthPort = 15_021;
/** First and last port that no service may declare. */
export const reservedPorts = { first: 15_000, last: healthPort } as const;
