/** What stands around every proxy, the same for all of one control plane: how it is captured, and where verdicts come from. */
export interface Platform {
  readonly bypass: CaptureBypass;
  /** Authorization workers, sorted. */
  readonly authz: readonly { readonly address: string; readonly port: number }[];
}

/** How the sidecar's own connections are told from the application's, so that they are not captured again. */
export type CaptureBypass =
  /** By the user that Envoy runs as: nothing to say in the configuration. */
  | { readonly kind: 'user' }
  /** By a mark on every upstream socket; the only way where there is one user, and applications must be unable to set it. */
  | { readonly kind: 'mark'; readonly mark: number };
