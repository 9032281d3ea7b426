/** Key of the taint of a node that a tenant has to itself; its value is the tenant's name. Admission lets no other tenant's pod tolerate it. */
export const dedicatedTaint = 'coffre.dev/dedicated';
