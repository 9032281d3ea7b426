/** Who leads, as far as this replica knows: what peers ask of whoever keeps the lease. */
export interface Lead {
  /** Of this replica, for as long as it leads. Asked before every command. */
  term(): number | undefined;
  leader(): { readonly name: string; readonly address?: string; readonly term: number } | undefined;
  /** @returns what ends it. */
  onChange(listener: () => void): () => void;
}
