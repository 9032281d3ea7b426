/** `1 proxy`, `2 proxies`. */
export function proxyCount(count: number): string {
  return count === 1 ? '1 proxy' : `${count} proxies`;
}
