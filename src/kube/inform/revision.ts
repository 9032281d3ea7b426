/**
 * The revision of a cluster that an object or a list is of: `metadata.resourceVersion`.
 *
 * Kubernetes long forbade to compare two; since 1.35 those of its own kinds and of custom ones are promised to be growing
 * decimal integers (KEP-5504, "Comparable Resource Version"). They have up to 64 bits, so they are compared as text.
 */

export function isRevision(value: unknown): value is string {
  return typeof value === 'string' && /^[1-9][0-9]{0,19}$/.test(value);
}

/** Whether `left` came after `right`. */
export function isNewer(left: string, right: string): boolean {
  return left.length === right.length ? left > right : left.length > right.length;
}
