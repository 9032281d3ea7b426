/** A report goes to many: what may be a password or a token in an address stays behind. */
export function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return 'an address that is none';
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
}
