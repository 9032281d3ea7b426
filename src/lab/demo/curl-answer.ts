/** What `curl -si` printed: head and body of the last answer. */
export interface CurlAnswer {
  /** Such as `HTTP/2`; empty without an answer. */
  readonly version: string;
  /** 0 without an answer. */
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: string;
}

export function parseCurl(stdout: string): CurlAnswer {
  const end = stdout.indexOf('\r\n\r\n');
  const [first = '', ...lines] = (end < 0 ? '' : stdout.slice(0, end)).split('\r\n');
  const [version = '', status = '0'] = first.split(' ');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { version, status: Number(status), header: (name) => headers.get(name), body: stdout.slice(end + 4) };
}

/**
 * curl's exit codes for a connection that was accepted and then ended without an answer, in a word. Which of them it is
 * depends on whether the end or the reset is read first. Source: libcurl-errors(3).
 */
export const closedWithoutAnswer: ReadonlyMap<number | null, string> = new Map([
  [52, 'closed'],
  [56, 'reset'],
]);
