/** The two files by which Envoy finds its root and its token: SDS resources that name other files, to be reread when those move. */

/** What each of the two is called, beside the bootstrap that names it. */
export const sdsFileNames = { root: 'mesh-root.sds.json', token: 'token.sds.json' } as const;

const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

/** @param watched folder whose moves announce another root. */
export function rootSds(rootFile: string, watched: string): string {
  const validation_context = { trusted_ca: { filename: rootFile }, watched_directory: { path: watched } };
  return JSON.stringify({ resources: [{ '@type': secretType, name: 'mesh-root', validation_context }] });
}

export function tokenSds(tokenFile: string): string {
  const generic_secret = { secret: { filename: tokenFile } };
  return JSON.stringify({ resources: [{ '@type': secretType, name: 'token', generic_secret }] });
}
