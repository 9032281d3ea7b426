/** Where secrets of the evidence are kept, sealed: the certificate authority's state folder, as far as this room needs it. */
export interface SealedRecords {
  /** @returns undefined where there is no such record. Rejects where there is one that cannot be trusted. */
  read(name: string): Promise<unknown>;
  /** @returns false where it exists already; it is left alone. */
  create(name: string, record: object): Promise<boolean>;
}
