/** @param workload key, `namespace/name`. @returns whose it is: a tenant is a namespace. */
export function tenantOf(workload: string): string {
  return workload.slice(0, Math.max(0, workload.indexOf('/')));
}
