/** The namespace that Coffre's own parts are named in. No tenant may have it: its workloads would bear our names. */
export const systemNamespace = 'coffre-system';
