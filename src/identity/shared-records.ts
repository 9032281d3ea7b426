/**
 * Where what a mesh has one of is kept, sealed: its root, its token key, the CAs of its tenants.
 *
 *   one replica   ──▶ the state folder
 *   many replicas ──▶ a place they share: of two that make a record at once one succeeds, and the other reads it
 *
 * A record is replaced by whoever has read it last: from any other hand it would undo what somebody did meanwhile.
 */
/** Largest record, in bytes: as much as a Secret holds. Most are under 10 KiB. */
export const sharedRecordBytesMax = 1_048_576;

export interface SharedRecords {
  /** What people call the place, such as the path of a folder. */
  readonly path: string;
  /** @returns undefined where there is no such record. @throws StateError where there is one that cannot be trusted. */
  read(name: string): Promise<unknown>;
  /** @returns false where the record exists already; it is left alone. */
  create(name: string, record: object): Promise<boolean>;
  /** Makes it where there is none. @returns false where it is another than was read here last; it is left alone. */
  replace(name: string, record: object): Promise<boolean>;
  /** Names of all records, `tenants/shop` and the like, sorted. */
  list(): Promise<readonly string[]>;
}
